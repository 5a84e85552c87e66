// A thread that owns one SQLite file: a commit waits for the disk, and nothing else of the process should.
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "@capstan/base/errors";

export type SqliteJob = { id: number; sql: string; parameters: SQLInputValue[] } | { id: number; close: true };
export type SqliteAnswer = { id: number; rows: unknown[]; changes: number } | { id: number; error: string };

/** Statements that are kept compiled. */
const statementLimit = 64;
const statements = new Map<string, StatementSync>();
const database = new DatabaseSync((workerData as { file: string }).file, { timeout: 10_000 });
// FULL: a commit that was answered survives a power cut, in write-ahead mode too.
database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2000");

function prepare(sql: string): StatementSync {
  const known = statements.get(sql);
  if (known) return known;
  const statement = database.prepare(sql);
  const oldest = statements.keys().next().value;
  if (statements.size >= statementLimit && oldest !== undefined) statements.delete(oldest);
  statements.set(sql, statement);
  return statement;
}

function run(job: SqliteJob): SqliteAnswer {
  const { id } = job;
  try {
    if ("close" in job) {
      statements.clear();
      database.close();
      return { id, rows: [], changes: 0 };
    }
    const statement = prepare(job.sql);
    if (statement.columns().length > 0) {
      const rows = statement.all(...job.parameters).map((row) => ({ ...row }));
      return { id, rows, changes: 0 };
    }
    return { id, rows: [], changes: Number(statement.run(...job.parameters).changes) };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

parentPort?.on("message", (job: SqliteJob) => {
  parentPort?.postMessage(run(job));
  if ("close" in job) parentPort?.close();
});
