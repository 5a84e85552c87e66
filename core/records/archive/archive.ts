// Finished workflows, whole, and what they are found by.
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Workflow } from "@capstan/api/kinds/workflow";
import type { Room } from "../open.ts";
import type { ArchivePage, ArchiveQuery } from "./query.ts";
import { searchArchive } from "./search.ts";
import { plain, summaryOf } from "./summary.ts";

export interface Archive {
  /** Keeps workflows by their UID, all or none; one that is there already is replaced. Resolves when they are on disk. */
  add(workflows: Workflow[]): Promise<void>;
  /** The object as it was archived. */
  get(uid: string): Promise<Workflow | undefined>;
  search(query: ArchiveQuery): Promise<ArchivePage>;
  /** @returns whether it was there. */
  delete(uid: string): Promise<boolean>;
  /** Forgets all of a namespace. @returns how many. */
  deleteNamespace(namespace: string): Promise<number>;
  /** Forgets what finished before a time. @returns how many, and when the oldest of the rest finished. */
  expire(before: string): Promise<{ deleted: number; oldest?: string }>;
  labelKeys(namespace?: string): Promise<string[]>;
  labelValues(key: string, namespace?: string): Promise<string[]>;
}

/** Most bytes of one workflow's JSON that are read back. */
const workflowLimit = 512 * 2 ** 20;
const [pack, unpack] = [promisify(gzip), promisify(gunzip)];

export function createArchive(room: Room): Archive {
  const { db, cluster } = room;
  return {
    async add(workflows) {
      const now = new Date().toISOString();
      const packed = await Promise.all(workflows.map((workflow) => pack(JSON.stringify(workflow))));
      await db.transaction().execute(async (tx) => {
        for (const [i, workflow] of workflows.entries()) {
          const row = { cluster, ...summaryOf(workflow, now), workflow: packed[i] as Uint8Array };
          const { cluster: _c, uid, ...rest } = row;
          await tx
            .insertInto("archived_workflows")
            .values(row)
            .onConflict((conflict) => conflict.columns(["cluster", "uid"]).doUpdateSet(rest))
            .execute();
          await tx
            .deleteFrom("archived_workflow_labels")
            .where("cluster", "=", cluster)
            .where("uid", "=", uid)
            .execute();
          const labels = Object.entries(workflow.metadata.labels ?? {}).map(([name, value]) => {
            return { cluster, uid, name: plain(name), value: plain(value) };
          });
          if (labels.length > 0) await tx.insertInto("archived_workflow_labels").values(labels).execute();
        }
      });
    },
    async get(uid) {
      const row = await db
        .selectFrom("archived_workflows")
        .select("workflow")
        .where("cluster", "=", cluster)
        .where("uid", "=", uid)
        .executeTakeFirst();
      if (!row) return undefined;
      const bytes = await unpack(row.workflow, { maxOutputLength: workflowLimit });
      return JSON.parse(bytes.toString()) as Workflow;
    },
    search: (query) => searchArchive(room, query),
    async delete(uid) {
      return (await remove(room, [uid])) > 0;
    },
    async deleteNamespace(namespace) {
      let deleted = 0;
      for (;;) {
        const rows = await db
          .selectFrom("archived_workflows")
          .select("uid")
          .where("cluster", "=", cluster)
          .where("namespace", "=", namespace)
          .limit(expireBatch)
          .execute();
        if (rows.length === 0) return deleted;
        deleted += await remove(
          room,
          rows.map(({ uid }) => uid),
        );
      }
    },
    async expire(before) {
      let deleted = 0;
      for (;;) {
        const rows = await db
          .selectFrom("archived_workflows")
          .select(["uid", "finished_at"])
          .where("cluster", "=", cluster)
          .orderBy("finished_at")
          .limit(expireBatch)
          .execute();
        const old = rows.filter(({ finished_at }) => finished_at < before);
        deleted += await remove(
          room,
          old.map(({ uid }) => uid),
        );
        const rest = rows[old.length];
        if (rest) return { deleted, oldest: rest.finished_at };
        if (rows.length < expireBatch) return { deleted };
      }
    },
    labelKeys: async (namespace) => (await labelTexts(room, "name", undefined, namespace)).sort(),
    labelValues: async (key, namespace) => (await labelTexts(room, "value", key, namespace)).sort(),
  };
}

/** Workflows forgotten in one commit. */
const expireBatch = 500;

async function remove({ db, cluster }: Room, uids: string[]): Promise<number> {
  if (uids.length === 0) return 0;
  return db.transaction().execute(async (tx) => {
    await tx.deleteFrom("archived_workflow_labels").where("cluster", "=", cluster).where("uid", "in", uids).execute();
    const gone = await tx
      .deleteFrom("archived_workflows")
      .where("cluster", "=", cluster)
      .where("uid", "in", uids)
      .executeTakeFirst();
    return Number(gone.numDeletedRows);
  });
}

async function labelTexts(
  { db, cluster }: Room,
  column: "name" | "value",
  key: string | undefined,
  namespace: string | undefined,
): Promise<string[]> {
  let query = db
    .selectFrom("archived_workflow_labels as l")
    .innerJoin("archived_workflows as w", (join) =>
      join.onRef("w.cluster", "=", "l.cluster").onRef("w.uid", "=", "l.uid"),
    )
    .select(`l.${column} as text`)
    .distinct()
    .where("l.cluster", "=", cluster);
  if (key !== undefined) query = query.where("l.name", "=", key);
  if (namespace) query = query.where("w.namespace", "=", namespace);
  return (await query.execute()).map(({ text }) => text);
}
