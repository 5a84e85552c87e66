// What steps gave for what content, so that the same work is done once.
import type { Outputs } from "@capstan/api/kinds/workflow";
import { plain } from "./archive/summary.ts";
import type { Room } from "./open.ts";

export interface Memo {
  outputs: Outputs;
  /** Who did the work: `workflow/node ID`. */
  workflow: string;
  node: string;
}
export interface MemoRecords {
  /** Counts as a use of the memo. */
  recall(namespace: string, key: string): Promise<Memo | undefined>;
  /** The first that is kept for a key stays. @throws Error when the outputs are larger than memoLimit. */
  keep(namespace: string, key: string, memo: Memo): Promise<void>;
  forget(namespace: string, key: string): Promise<void>;
  deleteNamespace(namespace: string): Promise<void>;
  /** Forgets what nobody has used since a time (RFC 3339). @returns how many. */
  expire(before: string): Promise<number>;
}

/** Largest outputs that are remembered, bytes of JSON. */
export const memoLimit = 2 ** 20;

export function createMemos({ db, cluster }: Room): MemoRecords {
  return {
    async recall(namespace, key) {
      const row = await db
        .updateTable("memos")
        .set({ hit_at: new Date().toISOString() })
        .where("cluster", "=", cluster)
        .where("namespace", "=", namespace)
        .where("memo_key", "=", key)
        .returning(["outputs", "workflow", "node"])
        .executeTakeFirst();
      return row && { outputs: JSON.parse(row.outputs) as Outputs, workflow: row.workflow, node: row.node };
    },
    async keep(namespace, key, { outputs, workflow, node }) {
      const text = plain(JSON.stringify(outputs));
      if (text.length > memoLimit)
        throw new Error(`outputs of ${text.length} bytes are not remembered: more than ${memoLimit} (memoLimit)`);
      const now = new Date().toISOString();
      await db
        .insertInto("memos")
        .values({ cluster, namespace, memo_key: key, outputs: text, workflow, node, created_at: now, hit_at: now })
        .onConflict((conflict) => conflict.columns(["cluster", "namespace", "memo_key"]).doNothing())
        .execute();
    },
    async forget(namespace, key) {
      await db
        .deleteFrom("memos")
        .where("cluster", "=", cluster)
        .where("namespace", "=", namespace)
        .where("memo_key", "=", key)
        .execute();
    },
    async deleteNamespace(namespace) {
      await db.deleteFrom("memos").where("cluster", "=", cluster).where("namespace", "=", namespace).execute();
    },
    async expire(before) {
      const gone = await db
        .deleteFrom("memos")
        .where("cluster", "=", cluster)
        .where("hit_at", "<", before)
        .executeTakeFirst();
      return Number(gone.numDeletedRows);
    },
  };
}
