// Mutexes and semaphores that several clusters may share. Tables and rules: Argo's docs/synchronization.md.
import { sql } from "kysely";
import type { Room } from "../open.ts";
import type { Listen } from "../postgres/dialect.ts";
import { type AcquireResult, acquire, type LockOrder, type LockRequest } from "./acquire.ts";
import { createPulse } from "./pulse.ts";

export interface LockRecords {
  /** Takes every lock or none, and keeps the holder's place in the queues. Asking again changes nothing. */
  acquire(holder: string, requests: LockRequest[], order: LockOrder): Promise<AcquireResult>;
  /** Gives up what a holder has and waits for, and whatever is below it: `namespace/workflow/node ID`. */
  release(holder: string): Promise<void>;
  /** Everybody of this cluster who has a lock or waits for one. */
  holders(): Promise<string[]>;
  /** Calls when somebody, anywhere, may get a lock now. @returns how to stop that. */
  onFreed(listener: () => void): () => void;
  /** Most holders of semaphores, by `namespace/key`. */
  limits(namespace?: string): Promise<{ name: string; limit: number }[]>;
  setLimit(name: string, limit: number): Promise<void>;
  /** @returns whether it was there. */
  removeLimit(name: string): Promise<boolean>;
  /** Stops the heartbeat. */
  stop(): Promise<void>;
}

export interface LocksOptions {
  /** Milliseconds. */
  inactiveAfter: number;
  /** Only where others use the same database. */
  listen?: Listen;
}

export function createLocks(room: Room, { inactiveAfter, listen }: LocksOptions): LockRecords {
  const { db, cluster } = room;
  const listeners = new Set<() => void>();
  const told = () => {
    for (const listener of listeners) listener();
  };
  const pulse = listen && createPulse({ room, listen, told, inactiveAfter });
  return {
    async acquire(holder, requests, order) {
      await pulse?.begin();
      return acquire(room, { holder, requests, order, inactiveAfter });
    },
    async release(holder) {
      const inside = `${holder.replace(/[\\%_]/g, "\\$&")}/%`;
      const gone = await db
        .deleteFrom("sync_state")
        .where("controller", "=", cluster)
        .where(sql<boolean>`(workflowkey = ${holder} or workflowkey like ${inside} escape '\\')`)
        .executeTakeFirst();
      if (gone.numDeletedRows > 0n) told();
    },
    async holders() {
      const rows = await db
        .selectFrom("sync_state")
        .select("workflowkey")
        .distinct()
        .where("controller", "=", cluster)
        .execute();
      return rows.map(({ workflowkey }) => workflowkey);
    },
    onFreed(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async limits(namespace) {
      let query = db.selectFrom("sync_limit").selectAll().orderBy("name");
      if (namespace) query = query.where(sql<boolean>`name like ${`${namespace}/%`}`);
      return (await query.execute()).map(({ name, sizelimit }) => ({ name, limit: sizelimit }));
    },
    async setLimit(name, limit) {
      await db
        .insertInto("sync_limit")
        .values({ name, sizelimit: limit })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ sizelimit: limit }))
        .execute();
      told();
    },
    async removeLimit(name) {
      const gone = await db.deleteFrom("sync_limit").where("name", "=", name).executeTakeFirst();
      return gone.numDeletedRows > 0n;
    },
    async stop() {
      await pulse?.end();
      listeners.clear();
    },
  };
}
