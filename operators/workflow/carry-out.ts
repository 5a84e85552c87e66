// Does what the engine asks for. Everything may be done twice: names are fixed, what is there already is left alone.
import type { Pod } from "@capstan/api/generated/core-v1";
import { ConfigMaps, PersistentVolumeClaims, PodDisruptionBudgets, Pods } from "@capstan/api/generated/resources";
import { type Workflow, Workflows, WorkflowTaskResults, WorkflowTaskSets } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef, StatusError } from "@capstan/api/meta";
import { backoff, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { completePod, type FindCommand } from "./command/index.ts";
import type { ContentMemos } from "./content-memos.ts";
import { cacheLabel, type Effect, entryOf, labels } from "./engine/index.ts";
import type { Gate } from "./limits/index.ts";
import { addTasks, removeTask } from "./task-set.ts";

export interface PodFailure {
  message: string;
  passing: boolean;
  /** Milliseconds until it is tried again; default: longer each time. */
  after?: number;
}
/** Told about pods as they are made. */
export interface PodBook {
  made(pod: Pod): void;
  failed(pod: Pod, failure: PodFailure): void;
}

export interface Context {
  client: Client;
  workflow: Workflow;
  log: Logger;
  signal: AbortSignal;
  /** Finds the command of an image whose container says none. Absent: the nodes know it. */
  findCommand?: FindCommand | undefined;
  memos?: ContentMemos | undefined;
  gate: Gate;
}

/** Requests under way at once for one workflow. */
const atOnce = 64;
/** Tries of what can only be done once the workflow is written. */
const tries = 5;
const soon = new Set<Effect["do"]>(["create pod", "create claim", "create budget", "stop pod", "add task"]);

/** What may be done before the workflow is written, and what only after: nothing is deleted whose content is not kept. */
export function inOrder(effects: Effect[]): { first: Effect[]; then: Effect[] } {
  const { first = [], then = [] } = Object.groupBy(effects, (effect) => (soon.has(effect.do) ? "first" : "then"));
  return { first, then };
}

export async function carryOutFirst(context: Context, effects: Effect[], book: PodBook): Promise<void> {
  const pods = effects.flatMap((effect) => (effect.do === "create pod" ? [effect.pod] : []));
  const others = effects.filter((effect) => effect.do !== "create pod" && effect.do !== "add task");
  await addTasks(context.client, context.workflow, effects);
  await Promise.all(others.map((effect) => carryOutOne(context, effect)));
  await createPods(context, pods, book);
}

/** Failures are logged and tried again on their own: the workflow does not wait for them. */
export async function carryOutThen(context: Context, effects: Effect[]): Promise<void> {
  const queue = effects.values();
  const work = async () => {
    for (const effect of queue) await persist(context, effect, 0);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, effects.length) }, work));
}

async function persist(context: Context, effect: Effect, attempt: number): Promise<void> {
  try {
    await carryOutOne(context, effect);
  } catch (thrown) {
    const { log, signal } = context;
    if (signal.aborted) return;
    log.warn(`could not ${effect.do}`, { workflow: context.workflow.metadata.name, error: messageOf(thrown) });
    if (attempt + 1 < tries)
      later(backoff(attempt, { base: 500, cap: 10_000 }), () => persist(context, effect, attempt + 1), context);
  }
}

async function createPods(context: Context, pods: Pod[], book: PodBook): Promise<void> {
  const { gate, workflow } = context;
  const lane = workflow.metadata.namespace ?? "";
  const queue = pods.values();
  let [after, interval] = [0, 0];
  const work = async () => {
    for (const pod of queue) {
      const wait = after > 0 ? interval : gate.take(lane);
      if (wait > 0) {
        interval = wait;
        after += wait;
        book.failed(pod, { message: "resource creation rate-limit reached", passing: true, after });
      } else await gate.pass(lane, () => createPod(context, pod, book));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, pods.length) }, work));
}

async function createPod(context: Context, pod: Pod, book: PodBook): Promise<void> {
  const { client, workflow, findCommand } = context;
  const { name, namespace = "" } = pod.metadata;
  try {
    book.made(await client.create(Pods, findCommand ? await completePod(pod, findCommand) : pod));
  } catch (thrown) {
    if (!isReason(thrown, "AlreadyExists")) {
      book.failed(pod, { message: messageOf(thrown), passing: isPassing(thrown) });
      return;
    }
    const there = await client.find(Pods, { namespace, name });
    if (!there) book.failed(pod, { message: messageOf(thrown), passing: true });
    else if (isOwned(there, workflow)) book.made(there);
    else book.failed(pod, { message: `pod ${name} exists and is not this workflow's`, passing: false });
  }
}

function isOwned(pod: Pod, workflow: Workflow): boolean {
  return pod.metadata.ownerReferences?.some(({ uid }) => uid === workflow.metadata.uid) ?? false;
}

/** Refusals that another try may not meet. */
function isPassing(thrown: unknown): boolean {
  const error = StatusError.from(thrown);
  if (error.reason === "Forbidden") return /exceeded quota/.test(error.message);
  return !["Invalid", "BadRequest", "NotFound", "MethodNotAllowed", "RequestEntityTooLarge"].includes(error.reason);
}

async function carryOutOne(context: Context, effect: Effect): Promise<void> {
  const { client, workflow } = context;
  const { namespace = "" } = workflow.metadata;
  const ref = (name: string): ObjectRef => ({ namespace, name });
  switch (effect.do) {
    case "add task":
      return addTasks(client, workflow, [effect]);
    case "remove task":
      return removeTask(client, ref(workflow.metadata.name), effect.id);
    case "close tasks": {
      const body = { metadata: { labels: { [labels.completed]: "true" } } };
      return unless("NotFound", client.patch(WorkflowTaskSets, ref(workflow.metadata.name), { type: "merge", body }));
    }
    case "create claim":
      return unless("AlreadyExists", client.create(PersistentVolumeClaims, effect.claim));
    case "delete claim":
      return unless("NotFound", client.delete(PersistentVolumeClaims, ref(effect.name)));
    case "create budget":
      return unless("AlreadyExists", client.create(PodDisruptionBudgets, effect.budget));
    case "delete budget":
      return unless("NotFound", client.delete(PodDisruptionBudgets, ref(effect.name)));
    case "label pod": {
      const body = { metadata: { labels: { [labels.completed]: "true" } } };
      return unless("NotFound", client.patch(Pods, ref(effect.name), { type: "merge", body }));
    }
    case "stop pod": {
      // The node ends what is past its deadline, and its logs stay readable.
      const body = { spec: { activeDeadlineSeconds: 1 } };
      return unless("NotFound", client.patch(Pods, ref(effect.name), { type: "merge", body }));
    }
    case "delete pod": {
      const deletion = () => unless("NotFound", client.delete(Pods, ref(effect.name)));
      if (!effect.after) return deletion();
      later(effect.after, deletion, context);
      return;
    }
    case "remember":
      return saveMemo(client, namespace, effect);
    case "touch memo": {
      const body = { data: { [effect.key]: effect.entry } };
      return unless("NotFound", client.patch(ConfigMaps, ref(effect.configMap), { type: "merge", body }));
    }
    case "keep memo":
      return context.memos?.keep(ref(workflow.metadata.name), effect.key, effect.node, effect.inputs, effect.outputs);
    case "delete result":
      return unless("NotFound", client.delete(WorkflowTaskResults, ref(effect.node)));
    case "delete results": {
      const labelSelector = `${labels.workflow}=${workflow.metadata.name}`;
      return client.deleteCollection(WorkflowTaskResults, { namespace, labelSelector });
    }
    case "delete workflow": {
      const { uid = "" } = workflow.metadata;
      const options = { propagationPolicy: "Background" as const, preconditions: { uid } };
      return unless("NotFound", client.delete(Workflows, ref(workflow.metadata.name), options));
    }
  }
}

function later(delay: number, work: () => Promise<void>, { log, signal }: Context): void {
  sleep(delay, signal)
    .then(() => (signal.aborted ? undefined : work()))
    .catch((thrown: unknown) => log.warn("a later clean-up failed", { error: messageOf(thrown) }));
}

async function unless(reason: "AlreadyExists" | "NotFound", work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    if (!isReason(thrown, reason)) throw thrown;
  }
}

type Remember = Extract<Effect, { do: "remember" }>;

/** Adds an entry to a cache, which is made when there is none. */
async function saveMemo(client: Client, namespace: string, { configMap, key, node, outputs }: Remember): Promise<void> {
  const data = { [key]: entryOf(node, outputs, new Date().toISOString()) };
  const metadata = { name: configMap, namespace, labels: { [cacheLabel.key]: cacheLabel.value } };
  const patch = () => client.patch(ConfigMaps, { namespace, name: configMap }, { type: "merge", body: { data } });
  try {
    await patch();
  } catch (thrown) {
    if (!isReason(thrown, "NotFound")) throw thrown;
    try {
      await client.create(ConfigMaps, { metadata, data });
    } catch (again) {
      // Another step has made it meanwhile.
      if (!isReason(again, "AlreadyExists")) throw again;
      await patch();
    }
  }
}
