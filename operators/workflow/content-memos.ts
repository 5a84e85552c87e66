// What steps gave for their content, as the engine asks for it: at once what is known, else later.
import type { Artifact, Outputs } from "@capstan/api/kinds/workflow";
import { keyOf, type ObjectRef } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Records } from "@capstan/core/records";

/** What is known of artifacts where they are kept. Of stores that cannot be asked: nothing. */
export interface ArtifactLookup {
  exists(namespace: string, artifact: Artifact): Promise<boolean>;
  /** `sha256:…` of a file's present content. */
  digest(namespace: string, artifact: Artifact): Promise<string | undefined>;
}

export interface ContentMemosOptions {
  records: Records;
  artifacts: ArtifactLookup;
  log: Logger;
  /** Called when a node's answer is there. */
  told(workflow: ObjectRef, node: string): void;
}

export interface ContentMemos {
  /** The outputs that are remembered, or undefined; "asked" until that is known. An answer is given once. */
  recall(workflow: ObjectRef, key: string, node: string): Outputs | "asked" | undefined;
  /** The digest of an artifact; "asked" as above. */
  digest(workflow: ObjectRef, artifact: Artifact, node: string): string | "asked" | undefined;
  /** Nothing is kept when an input whose digest was looked up is another now: who knows which of them was read. */
  keep(workflow: ObjectRef, key: string, node: string, inputs: Artifact[], outputs: Outputs): Promise<void>;
  /** Drops what was asked for a workflow. */
  forget(workflow: ObjectRef): void;
}

type Answer = { known: false } | { known: true; value: unknown };

export function createContentMemos({ records, artifacts, log, told }: ContentMemosOptions): ContentMemos {
  const answers = new Map<string, Map<string, Answer>>();
  const ask = <T>(workflow: ObjectRef, node: string, what: string, find: () => Promise<T | undefined>) => {
    const id = keyOf(workflow);
    const own = answers.get(id) ?? new Map<string, Answer>();
    answers.set(id, own);
    const place = `${node} ${what}`;
    const answer = own.get(place);
    if (answer?.known) {
      own.delete(place);
      return answer.value as T | undefined;
    }
    if (answer) return "asked";
    own.set(place, { known: false });
    find()
      .catch((error: unknown) => {
        log.warn("earlier results cannot be looked up: the step runs", { workflow: id, error: messageOf(error) });
        return undefined;
      })
      .then((value) => {
        own.set(place, { known: true, value });
        told(workflow, node);
      });
    return "asked";
  };
  const look = async (namespace: string, key: string): Promise<Outputs | undefined> => {
    const { memos } = await records.open();
    const memo = await memos.recall(namespace, key);
    if (!memo) return undefined;
    for (const artifact of memo.outputs.artifacts ?? []) {
      if (await artifacts.exists(namespace, artifact)) continue;
      await memos.forget(namespace, key);
      return undefined;
    }
    return memo.outputs;
  };
  const lookedUp = new Set<string>();
  const placeOf = (namespace: string, artifact: Artifact) => `${namespace}/${artifact.file?.key}`;
  return {
    recall: (workflow, key, node) => ask(workflow, node, key, () => look(workflow.namespace ?? "", key)),
    digest(workflow, artifact, node) {
      const { namespace = "" } = workflow;
      lookedUp.add(placeOf(namespace, artifact));
      return ask(workflow, node, `digest ${artifact.name}`, () => artifacts.digest(namespace, artifact));
    },
    async keep({ namespace = "", name }, key, node, inputs, outputs) {
      for (const artifact of inputs) {
        if (!lookedUp.has(placeOf(namespace, artifact))) continue;
        if ((await artifacts.digest(namespace, artifact)) !== artifact.digest) return;
      }
      const { memos } = await records.open();
      await memos.keep(namespace, key, { outputs, workflow: name, node });
    },
    forget(workflow) {
      answers.delete(keyOf(workflow));
    },
  };
}
