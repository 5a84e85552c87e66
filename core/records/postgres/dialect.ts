// PostgreSQL by pg, for kysely.
import { type Dialect, PostgresDialect } from "kysely";
import type pg from "pg";

/** Connections of one process at most. */
const connections = 4;

/** @param url postgres://user@host/database; a password that is not in it comes from pg's own sources (~/.pgpass). */
export async function postgresDialect(url: string): Promise<{ dialect: Dialect; listen: Listen }> {
  const { default: driver } = await import("pg");
  const pool = new driver.Pool({
    connectionString: url,
    max: connections,
    idleTimeoutMillis: 15_000,
    connectionTimeoutMillis: 10_000,
    allowExitOnIdle: true,
    application_name: "capstan",
  });
  // A connection that breaks while nobody uses it is replaced; whoever uses one is told by his own query.
  pool.on("error", () => {});
  return { dialect: new PostgresDialect({ pool }), listen: (channel, told) => listenTo(driver, url, channel, told) };
}

/** Tells of notifications on a channel until disposed. Rejects when the connection cannot be made. */
export type Listen = (channel: string, told: Told) => Promise<AsyncDisposable>;
export interface Told {
  notified(payload: string): void;
  /** The connection is lost: what was told meanwhile is not known. */
  lost(error: Error): void;
}

async function listenTo(driver: typeof pg, url: string, channel: string, told: Told): Promise<AsyncDisposable> {
  const client = new driver.Client({ connectionString: url, application_name: "capstan-locks", keepAlive: true });
  let closing = false;
  const lost = (error: Error) => {
    if (!closing) told.lost(error);
    closing = true;
  };
  client.on("error", lost);
  client.on("end", () => lost(new Error("the database ended the connection")));
  client.on("notification", ({ payload }) => told.notified(payload ?? ""));
  await client.connect();
  await client.query(`LISTEN ${channel}`);
  return {
    async [Symbol.asyncDispose]() {
      closing = true;
      await client.end();
    },
  };
}
