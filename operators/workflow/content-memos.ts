// What steps gave for their content, as the engine asks for it: at once what is known, else later.
import type { Artifact, Outputs } from "@capstan/api/kinds/workflow";
import { keyOf, type ObjectRef } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Records } from "@capstan/core/records";

/** Whether an artifact that was kept is still there. What cannot be told is not there. */
export type ArtifactExists = (namespace: string, artifact: Artifact) => Promise<boolean>;

export interface ContentMemosOptions {
  records: Records;
  exists: ArtifactExists;
  log: Logger;
  /** Called when a node's answer is there. */
  told(workflow: ObjectRef, node: string): void;
}

export interface ContentMemos {
  /** The outputs that are remembered, or undefined; "asked" until that is known. An answer is given once. */
  recall(workflow: ObjectRef, key: string, node: string): Outputs | "asked" | undefined;
  keep(workflow: ObjectRef, key: string, node: string, outputs: Outputs): Promise<void>;
  /** Drops what was asked for a workflow. */
  forget(workflow: ObjectRef): void;
}

type Answer = { known: false } | { known: true; outputs: Outputs | undefined };

export function createContentMemos({ records, exists, log, told }: ContentMemosOptions): ContentMemos {
  const answers = new Map<string, Map<string, Answer>>();
  const look = async ({ namespace = "" }: ObjectRef, key: string): Promise<Outputs | undefined> => {
    const { memos } = await records.open();
    const memo = await memos.recall(namespace, key);
    if (!memo) return undefined;
    for (const artifact of memo.outputs.artifacts ?? []) {
      if (await exists(namespace, artifact)) continue;
      await memos.forget(namespace, key);
      return undefined;
    }
    return memo.outputs;
  };
  return {
    recall(workflow, key, node) {
      const id = keyOf(workflow);
      const own = answers.get(id) ?? new Map<string, Answer>();
      answers.set(id, own);
      const place = `${node} ${key}`;
      const answer = own.get(place);
      if (answer?.known) {
        own.delete(place);
        return answer.outputs;
      }
      if (answer) return "asked";
      own.set(place, { known: false });
      look(workflow, key)
        .catch((error: unknown) => {
          log.warn("earlier results cannot be looked up: the step runs", { workflow: id, error: messageOf(error) });
          return undefined;
        })
        .then((outputs) => {
          own.set(place, { known: true, outputs });
          told(workflow, node);
        });
      return "asked";
    },
    async keep({ namespace = "", name }, key, node, outputs) {
      const { memos } = await records.open();
      await memos.keep(namespace, key, { outputs, workflow: name, node });
    },
    forget(workflow) {
      answers.delete(keyOf(workflow));
    },
  };
}
