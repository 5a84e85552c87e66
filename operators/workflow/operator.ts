// Reconciles workflows: reacts to them, their pods and their results, and writes each change once.
import type { Pod } from "@capstan/api/generated/core-v1";
import { ConfigMaps, Namespaces, PersistentVolumeClaims, Pods } from "@capstan/api/generated/resources";
import {
  type Artifact,
  artifactGCFinalizer,
  ClusterWorkflowTemplates,
  type Workflow,
  Workflows,
  WorkflowTaskResults,
  WorkflowTaskSets,
  WorkflowTemplates,
} from "@capstan/api/kinds/workflow";
import { isReason, type KubeObject, keyOf, matches, type ObjectRef, refOf } from "@capstan/api/meta";
import { backoff } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { type Controller, createController, createRecorder, type Recorder, type Result } from "@capstan/core/reconcile";
import { createAccess } from "./access.ts";
import { announceNodes, announceWorkflow } from "./announce.ts";
import { createArchiveController } from "./archive/index.ts";
import { createArtifactGCController } from "./artifact-gc/index.ts";
import { findBaseline, indexOrigins } from "./baseline.ts";
import { carryOutFirst, carryOutThen, inOrder, type PodFailure } from "./carry-out.ts";
import { restAfter, unpack } from "./compress.ts";
import { type ContentMemos, createContentMemos } from "./content-memos.ts";
import { createCronWorkflowController } from "./cron/index.ts";
import {
  createLockTable,
  heldIn,
  isOver,
  isWorkflowOver,
  type LockTable,
  labels,
  type Outcome,
  operate,
  postpone,
  refuse,
  type Settings,
  type World,
} from "./engine/index.ts";
import { type Held, hold, isNewer, packHeld, readHeld } from "./held.ts";
import { createLimits } from "./limits/index.ts";
import { createLineageWriter, type LineageWriter } from "./lineage/index.ts";
import type { WorkflowOperatorOptions } from "./options.ts";
import { specWithTypes } from "./parameter-types/index.ts";
import { findRepository } from "./repository.ts";
import { createSharedLocks, type SharedLockKeeper } from "./shared-locks.ts";
import { resolvedTemplates, validateWorkflow } from "./validate/index.ts";

const byWorkflow = "workflow";
const workflowOf = (object: KubeObject): ObjectRef[] => {
  const name = object.metadata.labels?.[labels.workflow];
  const { namespace = "" } = object.metadata;
  return name ? [{ namespace, name }] : [];
};
/** A task set bears its workflow's name. */
const taskSetOwner = ({ metadata: { namespace = "", name } }: KubeObject): ObjectRef[] => [{ namespace, name }];
const depthLimit = 100;

const nodeOf = (pod: Pod): string => pod.metadata.annotations?.[labels.nodeId] ?? "";

/** Everything that makes workflows run. Starts nothing; the kinds of workflowDefinitions must exist. */
export function createWorkflowOperator(options: WorkflowOperatorOptions): Controller[] {
  const { records, archive } = options;
  return [
    createWorkflowController(options),
    createCronWorkflowController(options),
    createArtifactGCController(options),
    ...(records && archive ? [createArchiveController({ ...options, records, ttl: archive.ttl })] : []),
  ];
}

/** Reconciles Workflows alone. */
export function createWorkflowController(options: WorkflowOperatorOptions): Controller {
  const operator = new Operator(options);
  return operator.controller;
}

class Operator {
  readonly controller: Controller;
  readonly #options: WorkflowOperatorOptions;
  readonly #client: Client;
  readonly #log: Logger;
  readonly #recorder: Recorder;
  readonly #held = new Map<string, Held>();
  readonly #settings: Settings;
  readonly #lineage: LineageWriter | undefined;
  readonly #memos: ContentMemos | undefined;
  readonly #access: (namespace: string) => Promise<void>;
  readonly #shared: SharedLockKeeper | undefined;
  readonly #locks: LockTable;
  readonly #limits: ReturnType<typeof createLimits>;

  constructor(options: WorkflowOperatorOptions) {
    const { client, informers, log } = options;
    this.#options = options;
    this.#client = client;
    this.#log = log.with({ operator: "workflow" });
    this.#recorder = createRecorder(client, { component: "workflow-controller" });
    this.#access = createAccess(client);
    const { executorImage = "capstan/executor", archive, records } = options;
    const selected = archive?.selector ?? [];
    this.#settings = {
      executorImage,
      agentImage: options.agentImage ?? options.executorImage ?? "capstan/agent",
      depthLimit,
      ...(options.artifactVolume ? { artifactVolume: options.artifactVolume } : {}),
      ...(archive && records ? { archives: (labels: Record<string, string>) => matches(selected, labels) } : {}),
    };
    this.#lineage = records && createLineageWriter({ records, log: this.#log });
    const wake = (holder: string) => {
      const [namespace = "", name = "", node = ""] = holder.split("/");
      this.#tell({ namespace, name }, node);
      this.controller.enqueue({ namespace, name });
    };
    const told = (ref: ObjectRef, node: string) => {
      this.#tell(ref, node);
      this.controller.enqueue(ref);
    };
    const { artifactLookup: artifacts } = options;
    this.#memos = records && artifacts && createContentMemos({ records, artifacts, log: this.#log, told });
    this.#limits = createLimits({
      informers,
      log: this.#log,
      configNamespace: options.configNamespace ?? "argo",
      wake: ({ namespace = "", name }) => wake(`${namespace}/${name}`),
    });
    const isLive = (holder: string) => isHolder(holder, (ref) => informers.informer(Workflows).get(ref));
    this.#shared = records && createSharedLocks({ records, log: this.#log, wake, isLive });
    this.#locks = createLockTable(wake, this.#shared);
    informers.informer(ConfigMaps).onChange(({ object: { metadata } }) => {
      this.#locks.look(`${metadata.namespace}/ConfigMap/${metadata.name}/`);
    });
    indexOrigins(informers.informer(Workflows));
    const pods = informers.informer(Pods);
    pods.addIndex(byWorkflow, (pod) => workflowOf(pod).map(keyOf));
    pods.onChange(({ object }) => {
      for (const ref of workflowOf(object)) {
        this.#held.get(keyOf(ref))?.made.delete(object.metadata.name);
        this.#tell(ref, nodeOf(object));
      }
    });
    informers.informer(WorkflowTaskResults).onChange(({ type, object }) => {
      if (type === "DELETED") return;
      for (const ref of workflowOf(object)) this.#tell(ref, object.metadata.name);
    });
    informers.informer(WorkflowTaskSets).onChange(({ object }) => {
      for (const ref of taskSetOwner(object)) this.#tell(ref, "");
    });
    // Present workflows are told of before any is reconciled: nobody gets a lock that another one holds.
    informers.informer(Workflows).onChange(({ type, object }) => {
      if (type !== "ADDED" || isWorkflowOver(object.status?.phase)) return;
      for (const [holder, names] of heldIn(object.status?.synchronization)) {
        if (!this.#locks.holds(holder)) this.#locks.adopt(holder, names);
      }
    });
    const controller = createController({
      name: "workflow",
      informers,
      log: this.#log,
      workers: 64,
      lanes: { of: (key) => key.slice(0, key.indexOf("/")), width: 16 },
      sources: [
        { resource: Workflows, when: ({ type, object }) => type === "DELETED" || !this.#isOwn(object) },
        { resource: Pods, keys: workflowOf },
        { resource: WorkflowTaskResults, keys: workflowOf, when: ({ type }) => type !== "DELETED" },
        { resource: WorkflowTaskSets, keys: taskSetOwner },
        // These are only looked at, but must be there first.
        { resource: WorkflowTemplates, keys: () => [] },
        { resource: ClusterWorkflowTemplates, keys: () => [] },
        { resource: ConfigMaps, keys: () => [] },
        { resource: PersistentVolumeClaims, keys: () => [] },
        { resource: Namespaces, keys: () => [] },
      ],
      reconcile: (ref, signal) => this.#reconcile(ref, signal),
    });
    this.controller = {
      ...controller,
      start: async (signal) => {
        if (records?.shared) this.#sweep();
        await controller.start(signal);
        this.#shared?.stop();
      },
    };
  }

  /** Others wait for what this cluster's workflows left behind when it ended. */
  #sweep(): void {
    const work = this.#options.informers
      .informer(Workflows)
      .synced()
      .then(() => this.#shared?.sweep());
    work.catch((error: unknown) => this.#log.warn("old locks could not be given up", { error: messageOf(error) }));
  }

  /** Something happened to a node; without one, anything may have. */
  #tell(ref: ObjectRef, node: string): void {
    const attention = this.#held.get(keyOf(ref))?.memory.attention;
    if (node) attention?.tell(node);
    else attention?.tellAll();
  }

  /** This state of a workflow is what was written here. */
  #isOwn({ metadata }: Workflow): boolean {
    const held = this.#held.get(keyOf(metadata));
    const { resourceVersion = "" } = metadata;
    if (held?.seen) {
      held.seen.add(resourceVersion);
      return true;
    }
    return held?.workflow.metadata.resourceVersion === resourceVersion;
  }

  /** Milliseconds until there is something to do. Whoever enqueues a workflow says by #tell what happened to it. */
  #attend(held: Held): number {
    const now = Date.now();
    const { attention } = held.memory;
    for (const { node, until } of held.failures.values()) if (until <= now) this.#tell(refOf(held.workflow), node);
    const writeAt = held.unwritten ? held.writeAt : Number.POSITIVE_INFINITY;
    if (attention.isCalled(now) || writeAt <= now) return 0;
    return Math.min(attention.nextTime, writeAt, this.#retryAt(held)) - now;
  }

  async #reconcile(ref: ObjectRef, signal: AbortSignal): Promise<Result | undefined> {
    const key = keyOf(ref);
    const held = await this.#hold(ref);
    if (!held) {
      this.#held.delete(key);
      this.#memos?.forget(ref);
      this.#locks.releaseAll(`${key}/`);
      this.#locks.release(key);
      return undefined;
    }
    if (isGone(held.workflow)) return undefined;
    const wait = this.#attend(held);
    if (wait > 0) return wait === Number.POSITIVE_INFINITY ? undefined : { requeueAfter: wait };
    const before = held.workflow.status?.phase;
    const world = this.#world(ref, held);
    const begun = performance.now();
    const outcome =
      (await this.#check(held.workflow, world)) ??
      this.#postpone(held.workflow, world) ??
      operate(held.workflow, world, held.memory);
    this.#options.metrics?.operation((performance.now() - begun) / 1000);
    const written = await this.#write(held, outcome, signal);
    if (!written) return { requeueAfter: 0 };
    this.#lineage?.write(held.workflow, outcome.reached);
    for (const sample of outcome.samples) this.#options.metrics?.record(sample);
    const begins = held.workflow.status?.phase === "Running";
    if (begins) this.#announce(held.workflow, before);
    announceNodes(this.#recorder, held.workflow, outcome.entered);
    if (!begins) this.#announce(held.workflow, before);
    const next = Math.min(this.#retryAt(held), held.unwritten ? held.writeAt : Number.POSITIVE_INFINITY);
    const wake = Math.min(outcome.requeueAfter ?? Number.POSITIVE_INFINITY, next - Date.now());
    return wake === Number.POSITIVE_INFINITY ? undefined : { requeueAfter: Math.max(0, wake) };
  }

  /** The operator's copy of a workflow: its own last write, or what somebody else has written since. */
  async #hold(ref: ObjectRef): Promise<Held | undefined> {
    const cached = this.#options.informers.informer(Workflows).get(ref);
    if (!cached) return undefined;
    const key = keyOf(ref);
    const held = this.#held.get(key);
    if (held && !isNewer(cached, held.workflow)) return held;
    if (isWorkflowOver(cached.status?.phase)) {
      this.#held.delete(key);
      return hold({ ...cached, status: { ...cached.status } });
    }
    const same = held?.workflow.metadata.uid === cached.metadata.uid ? held : undefined;
    const fresh = await readHeld(this.#client, cached, same);
    this.#held.set(key, fresh);
    return fresh;
  }

  #world(ref: ObjectRef, held: Held): World {
    const memos = this.#memos;
    const { informers, artifacts = { file: {} }, configNamespace = "argo" } = this.#options;
    const { namespace = "" } = ref;
    const pods = informers.informer(Pods);
    const results = informers.informer(WorkflowTaskResults);
    const configMap = (name: string, space = namespace) =>
      informers.informer(ConfigMaps).get({ namespace: space, name });
    const { uid } = held.workflow.metadata;
    const isOwn = (object: KubeObject | undefined) =>
      object?.metadata.ownerReferences?.some((owner) => owner.uid === uid);
    return {
      now: Date.now(),
      pod: (name) => {
        const pod = pods.get({ namespace, name }) ?? held.made.get(name);
        return isOwn(pod) ? pod : undefined;
      },
      pods: () => pods.byIndex(byWorkflow, keyOf(ref)).filter(isOwn),
      taskResult: (name) => {
        const result = results.get({ namespace, name });
        return isOwn(result) || result?.metadata.ownerReferences === undefined ? result : undefined;
      },
      taskSet: () => {
        const set = informers.informer(WorkflowTaskSets).get(ref);
        return isOwn(set) ? set : undefined;
      },
      templates: (scope, name) =>
        scope === "cluster"
          ? specWithTypes(informers.informer(ClusterWorkflowTemplates).get({ name }))
          : specWithTypes(informers.informer(WorkflowTemplates).get({ namespace, name })),
      configMap,
      claim: (name) => informers.informer(PersistentVolumeClaims).get({ namespace, name }),
      podFailure: (name) => {
        const failure = held.failures.get(name);
        return failure && (!failure.passing || failure.until > Date.now()) ? failure : undefined;
      },
      repository: (workflow) => findRepository(workflow, { find: configMap, configNamespace, builtin: artifacts }),
      locks: this.#locks,
      baseline: () => findBaseline(informers.informer(Workflows), held.workflow),
      ...(memos
        ? {
            recallContent: (key: string, node: string) => memos.recall(ref, key, node),
            contentDigest: (artifact: Artifact, node: string) => memos.digest(ref, artifact, node),
          }
        : {}),
      ...(this.#options.metrics ? { metricProblem: this.#options.metrics.problem } : {}),
      settings: this.#settings,
    };
  }

  /** A workflow that a limit keeps from beginning waits. */
  #postpone(workflow: Workflow, world: World): Outcome | undefined {
    return this.#limits.admits(workflow) ? undefined : postpone(workflow, world);
  }

  /** What is wrong with a new workflow ends it before anything runs. */
  async #check(workflow: Workflow, world: World): Promise<Outcome | undefined> {
    if (workflow.status?.startedAt) return undefined;
    const problems = validateWorkflow(workflow, world.templates, world.configMap);
    if (problems.length === 0) {
      const templates = resolvedTemplates(workflow, world.templates);
      for (const checker of this.#options.checkers ?? []) problems.push(...(await checker(workflow, templates)));
    }
    if (problems.length > 0) {
      return refuse(workflow, world, problems.map(({ path, message }) => `${path}: ${message}`).join("; "));
    }
    await this.#access(workflow.metadata.namespace ?? "");
    return undefined;
  }

  /** Pods are asked for, and the workflow is written if it is time. False when somebody else wrote it meanwhile. */
  async #write(held: Held, outcome: Outcome, signal: AbortSignal): Promise<boolean> {
    const { workflow } = held;
    const book = {
      made: (pod: Pod) => {
        const { namespace = "", name } = pod.metadata;
        held.failures.delete(name);
        if (!this.#options.informers.informer(Pods).get({ namespace, name })) held.made.set(name, pod);
      },
      failed: (pod: Pod, failure: PodFailure) => {
        const { name } = pod.metadata;
        const node = nodeOf(pod);
        const tries = (held.failures.get(name)?.tries ?? 0) + 1;
        const until = Date.now() + (failure.after ?? backoff(tries - 1, { base: 1000, cap: 30_000 }));
        held.failures.set(name, { ...failure, node, until, tries });
        // The agent's pod has no node: it is tried again when its time comes.
        if (node || !failure.passing) this.#tell(refOf(workflow), node);
        this.controller.enqueue({ namespace: workflow.metadata.namespace ?? "", name: workflow.metadata.name });
      },
    };
    const { first, then } = inOrder(outcome.effects);
    const { findCommand } = this.#options;
    const { gate } = this.#limits;
    const context = { client: this.#client, workflow, log: this.#log, signal, findCommand, memos: this.#memos, gate };
    held.unwritten ||= outcome.changed;
    held.later.push(...then);
    const due = held.unwritten && (outcome.pressing || held.writeAt <= Date.now());
    const [written] = await Promise.all([due ? this.#store(held) : true, carryOutFirst(context, first, book)]);
    if (!held.unwritten) await carryOutThen(context, held.later.splice(0));
    return written;
  }

  async #store(held: Held): Promise<boolean> {
    const { namespace = "", name } = held.workflow.metadata;
    const seen = new Set<string>();
    held.seen = seen;
    try {
      const began = performance.now();
      const { packed, size, more } = await packHeld(this.#client, held);
      const stored = await this.#client.update(Workflows, packed);
      held.workflow.metadata = stored.metadata;
      held.unwritten = more;
      held.writeAt = more ? 0 : Date.now() + restAfter(size, performance.now() - began);
      return true;
    } catch (thrown) {
      if (isReason(thrown, "NotFound")) {
        held.unwritten = false;
        return true;
      }
      if (!isReason(thrown, "Conflict")) {
        this.#held.delete(keyOf({ namespace, name }));
        throw thrown;
      }
      const fresh = await this.#client.find(Workflows, { namespace, name });
      if (fresh) Object.assign(held, await readHeld(this.#client, fresh, held));
      return false;
    } finally {
      held.seen = undefined;
      seen.delete(held.workflow.metadata.resourceVersion ?? "");
      if (seen.size > 0) this.controller.enqueue({ namespace, name });
    }
  }

  #retryAt({ failures }: Held): number {
    let at = Number.POSITIVE_INFINITY;
    for (const { passing, until } of failures.values()) if (passing) at = Math.min(at, until);
    return at;
  }

  #announce(workflow: Workflow, before: string | undefined): void {
    const { phase, message } = workflow.status ?? {};
    if (!phase || phase === before) return;
    this.#options.metrics?.entered(workflow);
    announceWorkflow(this.#recorder, workflow);
    this.#log.info("workflow", { name: keyOf(refOf(workflow)), phase, ...(message ? { message } : {}) });
  }
}

/** Whether a holder of locks is under way: a workflow, or one of its nodes. */
function isHolder(holder: string, find: (ref: ObjectRef) => Workflow | undefined): boolean {
  const [namespace = "", name = "", node] = holder.split("/");
  const workflow = find({ namespace, name });
  if (!workflow || isWorkflowOver(workflow.status?.phase)) return false;
  const status = node === undefined ? undefined : unpack(workflow).status?.nodes?.[node];
  return !status || !isOver(status);
}

/** A workflow that is deleted goes on only as long as it makes artifacts that are to be deleted too. */
function isGone({ metadata, status }: Workflow): boolean {
  if (!metadata.deletionTimestamp) return false;
  return isWorkflowOver(status?.phase) || !metadata.finalizers?.includes(artifactGCFinalizer);
}
