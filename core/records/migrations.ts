// The schema's history. A migration that has been in a release is never changed: another one follows it.
import { type Kysely, type Migration, Migrator, sql } from "kysely";
import type { Tables } from "./tables.ts";

export type Kind = "sqlite" | "postgres";

/** Brings the database to this version's schema. Several processes may do it at once. */
export async function migrate(db: Kysely<Tables>, kind: Kind): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrationsOf(kind) },
    migrationTableName: "capstan_migrations",
    migrationLockTableName: "capstan_migrations_lock",
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw new Error(`the database's tables cannot be made: ${(error as Error).message}`, { cause: error });
}

const migrationsOf = (kind: Kind): Record<string, Migration> => ({
  "001-archive": { up: (db) => createArchive(db, kind) },
  "002-memos": { up: createMemos },
  "003-locks": { up: (db) => createLocks(db, kind) },
  "004-lineage": { up: createLineage },
});

async function createArchive(db: Kysely<unknown>, kind: Kind): Promise<void> {
  const texts = ["namespace", "name", "phase", "template", "message", "progress"];
  const times = ["created_at", "started_at", "finished_at", "archived_at"];
  let table = db.schema.createTable("archived_workflows").ifNotExists();
  for (const column of ["cluster", "uid", ...texts, ...times, "labels"]) {
    table = table.addColumn(column, "text", (made) => made.notNull()) as typeof table;
  }
  await table
    .addColumn("workflow", kind === "sqlite" ? "blob" : "bytea", (made) => made.notNull())
    .addPrimaryKeyConstraint("archived_workflows_key", ["cluster", "uid"] as never[])
    .execute();
  await index(db, "archived_workflows", "by_start", ["cluster", "started_at", "uid"]);
  await index(db, "archived_workflows", "by_namespace", ["cluster", "namespace", "started_at", "uid"]);
  await index(db, "archived_workflows", "by_name", ["cluster", "name"]);
  await index(db, "archived_workflows", "by_end", ["cluster", "finished_at"]);
  await tableOf(db, "archived_workflow_labels", ["cluster", "uid", "name", "value"], ["cluster", "uid", "name"]);
  await index(db, "archived_workflow_labels", "by_value", ["cluster", "name", "value"]);
}

async function createMemos(db: Kysely<unknown>): Promise<void> {
  const columns = ["cluster", "namespace", "memo_key", "workflow", "node", "outputs", "created_at", "hit_at"];
  await tableOf(db, "memos", columns, ["cluster", "namespace", "memo_key"]);
  await index(db, "memos", "by_hit", ["cluster", "hit_at"]);
}

async function createLocks(db: Kysely<unknown>, kind: Kind): Promise<void> {
  await tableOf(db, "sync_limit", ["name", "sizelimit:integer"], ["name"]);
  await tableOf(db, "sync_controller", ["controller", "time"], ["controller"]);
  const columns = ["name", "workflowkey", "controller", "held:integer", "priority:integer", "time"];
  await tableOf(db, "sync_state", columns, ["name", "workflowkey", "controller"]);
  await index(db, "sync_state", "by_holder", ["controller", "workflowkey"]);
  if (kind === "postgres") await announceChanges(db);
}

/** Whoever frees a lock or changes a limit, the others hear of it at once. */
async function announceChanges(db: Kysely<unknown>): Promise<void> {
  await sql`create or replace function capstan_sync_changed() returns trigger language plpgsql as $$
    begin perform pg_notify('capstan_sync', ''); return null; end $$`.execute(db);
  for (const table of ["sync_state", "sync_limit"]) {
    // Of the state only what is freed matters to those who wait.
    const events = table === "sync_state" ? "delete" : "insert or delete or update";
    await sql`drop trigger if exists capstan_sync_changed on ${sql.table(table)}`.execute(db);
    await sql`create trigger capstan_sync_changed after ${sql.raw(events)} on ${sql.table(table)}
      for each statement execute function capstan_sync_changed()`.execute(db);
  }
}

async function createLineage(db: Kysely<unknown>): Promise<void> {
  const names = ["namespace", "workflow", "node_name", "template", "phase", "finished_at"];
  const columns = ["cluster", "uid", "node", ...names, "reused:integer", "parameters"];
  await tableOf(db, "lineage_nodes", columns, ["cluster", "uid", "node"]);
  await index(db, "lineage_nodes", "by_workflow", ["cluster", "namespace", "workflow", "node_name"]);
  await index(db, "lineage_nodes", "by_end", ["cluster", "namespace", "finished_at"]);
  const artifact = ["cluster", "uid", "node", "namespace", "made:integer", "name", "artifact", "location"];
  await tableOf(db, "lineage_artifacts", artifact, ["cluster", "uid", "node", "made", "name"]);
  await index(db, "lineage_artifacts", "by_artifact", ["cluster", "namespace", "artifact", "made"]);
}

/** @param columns names; `:integer` after one that is no text. */
async function tableOf(db: Kysely<unknown>, name: string, columns: string[], key: string[]): Promise<void> {
  let table = db.schema.createTable(name).ifNotExists();
  for (const text of columns) {
    const [column = "", type = "text"] = text.split(":");
    table = table.addColumn(column, type as "text" | "integer", (made) => made.notNull()) as typeof table;
  }
  await table.addPrimaryKeyConstraint(`${name}_key`, key as never[]).execute();
}

async function index(db: Kysely<unknown>, table: string, name: string, columns: string[]): Promise<void> {
  await db.schema.createIndex(`${table}_${name}`).ifNotExists().on(table).columns(columns).execute();
}
