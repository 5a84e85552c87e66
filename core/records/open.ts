import { closeSync, openSync } from "node:fs";
import { Kysely, sql } from "kysely";
import { createArchive } from "./archive/archive.ts";
import { createLineage } from "./lineage/lineage.ts";
import { createLocks } from "./locks/locks.ts";
import { createMemos } from "./memos.ts";
import { type Kind, migrate } from "./migrations.ts";
import type { Listen } from "./postgres/dialect.ts";
import type { OpenRecords, RecordsOptions } from "./records.ts";
import type { Tables } from "./tables.ts";

/** What every part of the records works with. */
export interface Room {
  db: Kysely<Tables>;
  kind: Kind;
  cluster: string;
}

/** Connects and brings the tables to this version. */
export async function openDatabase(options: RecordsOptions): Promise<OpenRecords & AsyncDisposable> {
  const { database, inactiveAfter = 300_000 } = options;
  const cluster = typeof options.cluster === "string" ? options.cluster : await options.cluster();
  const { dialect, kind, listen } = await connect(database);
  const db = new Kysely<Tables>({ dialect });
  try {
    await migrate(db, kind);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  const room: Room = { db, kind, cluster };
  const locks = createLocks(room, { inactiveAfter, ...(listen ? { listen } : {}) });
  return {
    archive: createArchive(room),
    memos: createMemos(room),
    lineage: createLineage(room),
    locks,
    ...(kind === "sqlite" ? { copyTo: (file: string) => copy(db, file) } : {}),
    async [Symbol.asyncDispose]() {
      await locks.stop();
      await db.destroy();
    },
  };
}

async function connect(database: RecordsOptions["database"]): Promise<Connection> {
  if ("file" in database) {
    const { sqliteDialect } = await import("./sqlite/dialect.ts");
    // Outputs may hold secrets of the workflows: the file, and those that SQLite makes like it, are their owner's alone.
    closeSync(openSync(database.file, "a", 0o600));
    return { dialect: sqliteDialect(database.file), kind: "sqlite" };
  }
  const { postgresDialect } = await import("./postgres/dialect.ts");
  return { ...(await postgresDialect(database.url)), kind: "postgres" };
}

interface Connection {
  dialect: ConstructorParameters<typeof Kysely>[0]["dialect"];
  kind: Kind;
  listen?: Listen;
}

/** As of one moment, while others write. */
async function copy(db: Kysely<Tables>, file: string): Promise<void> {
  await sql`vacuum into ${file}`.execute(db);
}
