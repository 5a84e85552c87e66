// DuckDB in this process, in memory, spilling to a directory of the caller's.
import { ComponentError } from "@capstan/components/contract";
import type { DuckDBConnection } from "@duckdb/node-api";

export interface DatabaseOptions {
  /** Where what does not fit in memory goes. */
  scratch: string;
  /** Megabytes; more is spilled. */
  memory?: number;
  threads?: number;
  /** Ends the query that runs, with the signal's reason. */
  signal?: AbortSignal;
}

export type Value = string | number | boolean | null;

/** Queries run one after another: a second one on a connection ends the first one's stream without an error. */
export interface Database extends Disposable {
  run(sql: string): Promise<void>;
  /** All rows; whole numbers of any width become numbers. */
  rows(sql: string): Promise<Record<string, Value>[]>;
  /** Columns of numbers, chunk by chunk; `take` gets each value with its row and column. NULL is NaN. */
  numbers(sql: string, take: (value: number, row: number, column: number) => void): Promise<number>;
}

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { scratch, memory = 1000, threads = 2, signal } = options;
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", {
    threads: String(threads),
    memory_limit: `${memory}MB`,
    temp_directory: scratch,
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  const interrupt = () => connection.interrupt();
  signal?.addEventListener("abort", interrupt);
  const explain = (error: Error): never => {
    signal?.throwIfAborted();
    throw blame(error);
  };
  return {
    async run(sql) {
      signal?.throwIfAborted();
      await connection.run(sql).catch(explain);
    },
    async rows(sql) {
      signal?.throwIfAborted();
      const reader = await connection.runAndReadAll(sql).catch(explain);
      return reader.getRowObjectsJS().map((row) => {
        return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));
      });
    },
    numbers(sql, take) {
      signal?.throwIfAborted();
      return readNumbers(connection, sql, take).catch(explain);
    },
    [Symbol.dispose]() {
      signal?.removeEventListener("abort", interrupt);
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** What the data or the machine is to blame for becomes a ComponentError; the rest is a mistake of ours and stays. */
function blame(error: Error): Error {
  const [, kind, what] = /^(Out of Memory|IO|Conversion|Invalid Input) Error: (.+)$/s.exec(error.message) ?? [];
  if (kind === undefined || what === undefined) return error;
  if (kind === "Invalid Input") return new ComponentError(what);
  const advice = { "Out of Memory": "take fewer rows or columns", IO: "is the disk full?", Conversion: "" }[kind];
  return new ComponentError(`${what.split("\n")[0]}${advice ? ` (${advice})` : ""}`);
}

function plain(value: unknown): Value {
  if (typeof value === "bigint") return Number(value);
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  if (value instanceof Date) return value.toISOString();
  return String(value);
}

async function readNumbers(
  connection: DuckDBConnection,
  sql: string,
  take: (value: number, row: number, column: number) => void,
): Promise<number> {
  const result = await connection.stream(sql);
  const columns = result.columnCount;
  let rows = 0;
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const count = chunk.rowCount;
    for (let column = 0; column < columns; column++) {
      const vector = chunk.getColumnVector(column);
      for (let i = 0; i < count; i++) {
        const value = vector.getItem(i);
        take(value === null ? Number.NaN : Number(value), rows + i, column);
      }
    }
    rows += count;
  }
  return rows;
}
