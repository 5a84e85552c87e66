import { type Kysely, sql, type Transaction } from "kysely";
import type { Room } from "../open.ts";
import type { Tables } from "../tables.ts";

export interface LockRequest {
  kind: "mutex" | "semaphore";
  /** `namespace/name`, `namespace/key`. */
  name: string;
}
/** The higher priority first, then the older (RFC 3339), then by name. */
export interface LockOrder {
  priority: number;
  createdAt: string;
}
export type AcquireResult =
  | { held: true }
  /** Waits for a lock: who has it, and how many may. */
  | { held: false; waitsFor: LockRequest; holders: string[]; limit: number }
  /** Nobody has said how many may hold this semaphore. */
  | { held: false; unlimited: LockRequest };

export interface AcquireOptions {
  holder: string;
  requests: LockRequest[];
  order: LockOrder;
  /** Milliseconds. */
  inactiveAfter: number;
}

/** One process at a time decides, in all that use the database: PostgreSQL's advisory lock of this number. */
const turn = 761_043_915;

export async function acquire({ db, cluster, kind }: Room, options: AcquireOptions): Promise<AcquireResult> {
  const { holder, requests, order, inactiveAfter } = options;
  const alive = new Date(Date.now() - inactiveAfter).toISOString();
  return db.transaction().execute(async (tx): Promise<AcquireResult> => {
    if (kind === "postgres") await sql`select pg_advisory_xact_lock(${turn})`.execute(tx);
    await beat(tx, cluster);
    const limits = new Map<string, number>();
    for (const request of requests) {
      const limit = await limitOf(tx, request);
      if (limit === undefined) return { held: false, unlimited: request };
      limits.set(keyOf(request), limit);
    }
    for (const request of requests) await queue(tx, keyOf(request), { cluster, holder, order });
    for (const request of requests) {
      const limit = limits.get(keyOf(request)) ?? 0;
      const blocked = await isBlocked(tx, keyOf(request), { cluster, holder, limit, alive });
      if (blocked) return { held: false, waitsFor: request, holders: blocked, limit };
    }
    await tx
      .updateTable("sync_state")
      .set({ held: 1 })
      .where("controller", "=", cluster)
      .where("workflowkey", "=", holder)
      .where("name", "in", requests.map(keyOf))
      .execute();
    return { held: true };
  });
}

const keyOf = ({ kind, name }: LockRequest) => `${kind === "mutex" ? "mtx" : "sem"}/${name}`;

/** Says that this cluster's controller is there. */
export async function beat(db: Kysely<Tables>, cluster: string): Promise<void> {
  const time = new Date().toISOString();
  await db
    .insertInto("sync_controller")
    .values({ controller: cluster, time })
    .onConflict((conflict) => conflict.column("controller").doUpdateSet({ time }))
    .execute();
}

async function limitOf(tx: Transaction<Tables>, { kind, name }: LockRequest): Promise<number | undefined> {
  if (kind === "mutex") return 1;
  const row = await tx.selectFrom("sync_limit").select("sizelimit").where("name", "=", name).executeTakeFirst();
  return row?.sizelimit;
}

async function queue(
  tx: Transaction<Tables>,
  name: string,
  { cluster, holder, order }: { cluster: string; holder: string; order: LockOrder },
): Promise<void> {
  const { priority, createdAt } = order;
  await tx
    .insertInto("sync_state")
    .values({ name, workflowkey: holder, controller: cluster, held: 0, priority, time: createdAt })
    .onConflict((conflict) => conflict.columns(["name", "workflowkey", "controller"]).doNothing())
    .execute();
}

/** Who holds a lock that this holder does not get now; undefined when it has it or may. Held ones are never taken away. */
async function isBlocked(
  tx: Transaction<Tables>,
  name: string,
  { cluster, holder, limit, alive }: { cluster: string; holder: string; limit: number; alive: string },
): Promise<string[] | undefined> {
  const holding = await tx
    .selectFrom("sync_state")
    .select(["workflowkey", "controller"])
    .where("name", "=", name)
    .where("held", "=", 1)
    .execute();
  const isOwn = (row: { workflowkey: string; controller: string }) =>
    row.workflowkey === holder && row.controller === cluster;
  if (holding.some(isOwn)) return undefined;
  const holders = holding.map(({ workflowkey }) => workflowkey);
  const free = limit - holding.length;
  if (free <= 0) return holders;
  const first = await tx
    .selectFrom("sync_state as s")
    .innerJoin("sync_controller as c", "c.controller", "s.controller")
    .select(["s.workflowkey", "s.controller"])
    .where("s.name", "=", name)
    .where("s.held", "=", 0)
    .where("c.time", ">=", alive)
    .orderBy("s.priority", "desc")
    .orderBy("s.time")
    .orderBy("s.workflowkey")
    .orderBy("s.controller")
    .limit(free)
    .execute();
  return first.some(isOwn) ? undefined : holders;
}
