// Deletes artifacts of workflows that are over or going: makes the pods that do it, and reads what they report.
import type { Pod, Volume } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import {
  type ArtifactGCStrategy,
  artifactGCFinalizer,
  artifactGCPodLabel,
  type Workflow,
  WorkflowArtifactGCTasks,
  Workflows,
} from "@capstan/api/kinds/workflow";
import { isReason, type KubeObject, type ObjectRef, refOf } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import {
  type Controller,
  createController,
  createRecorder,
  type Informers,
  type Recorder,
} from "@capstan/core/reconcile";
import { collectable, fnv1a32, isWorkflowOver, labels } from "../engine/index.ts";
import { createNodeCodec, type NodeCodec } from "../nodes/index.ts";
import { gcComponent, type Plan, planCollection, strategyAnnotation } from "./plan.ts";

export interface ArtifactGCOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  executorImage?: string;
  /** The artifact directory, as a volume of pods. */
  artifactVolume?: Omit<Volume, "name">;
}

const workflowOf = ({ metadata }: KubeObject): ObjectRef[] => {
  const { namespace = "", labels: own } = metadata;
  const name = own?.[labels.component] === gcComponent ? own[labels.workflow] : undefined;
  return name ? [{ namespace, name }] : [];
};
const isGuarded = ({ metadata }: KubeObject) => metadata.finalizers?.includes(artifactGCFinalizer) === true;

/** Reconciles workflows that have the finalizer. The kinds of workflowDefinitions must exist. */
export function createArtifactGCController(options: ArtifactGCOptions): Controller {
  const { informers, client } = options;
  const log = options.log.with({ operator: "artifact-gc" });
  const collector = new Collector({ ...options, log }, createRecorder(client, { component: "workflow-controller" }));
  return createController({
    name: "workflow-artifact-gc",
    informers,
    log,
    workers: 4,
    sources: [
      { resource: Workflows, when: ({ object }) => isGuarded(object) },
      { resource: Pods, keys: workflowOf },
    ],
    reconcile: async (ref) => {
      const workflow = informers.informer(Workflows).get(ref);
      if (workflow && isGuarded(workflow)) await collector.collect(workflow);
      return undefined;
    },
  });
}

class Collector {
  readonly #options: ArtifactGCOptions;
  readonly #recorder: Recorder;
  readonly #codec: NodeCodec;
  constructor(options: ArtifactGCOptions, recorder: Recorder) {
    this.#options = options;
    this.#recorder = recorder;
    this.#codec = createNodeCodec(options.client);
  }

  async collect(cached: Workflow): Promise<void> {
    const { client } = this.#options;
    const leaving = cached.metadata.deletionTimestamp !== undefined;
    if (!isWorkflowOver(cached.status?.phase)) {
      // Nothing more is to be made: what runs is ended, and then its artifacts go.
      if (leaving && cached.spec.shutdown !== "Terminate")
        await client.patch(Workflows, refOf(cached), { type: "merge", body: { spec: { shutdown: "Terminate" } } });
      return;
    }
    const workflow = await this.#codec.unpack(cached);
    const before = JSON.stringify([workflow.status?.artifactGCStatus, workflow.status?.conditions]);
    const strategies: ArtifactGCStrategy[] = [
      "OnWorkflowCompletion",
      ...(leaving ? (["OnWorkflowDeletion"] as const) : []),
    ];
    let pending = false;
    for (const strategy of strategies) pending = (await this.#advance(workflow, strategy)) || pending;
    if (!pending && this.#isDone(workflow)) {
      workflow.metadata.finalizers = workflow.metadata.finalizers?.filter((name) => name !== artifactGCFinalizer) ?? [];
    } else if (JSON.stringify([workflow.status?.artifactGCStatus, workflow.status?.conditions]) === before) return;
    try {
      await client.update(Workflows, await this.#codec.pack(workflow));
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
  }

  #isDone(workflow: Workflow): boolean {
    if (collectable(workflow).length === 0) return true;
    const { artifactGC } = workflow.status?.storedWorkflowTemplateSpec ?? workflow.spec;
    const pods = Object.values(workflow.status?.artifactGCStatus?.podsRecouped ?? {});
    // What waits for the workflow's deletion has no pod before.
    const waits = workflow.metadata.deletionTimestamp === undefined;
    return artifactGC?.forceFinalizerRemoval === true && pods.every(Boolean) && !waits;
  }

  /** Makes what is missing and reads what is over. True while something is under way. */
  async #advance(workflow: Workflow, strategy: ArtifactGCStrategy): Promise<boolean> {
    const { executorImage: image = "capstan/executor", artifactVolume, informers } = this.#options;
    const status = workflow.status ?? {};
    workflow.status = status;
    const gc = { ...status.artifactGCStatus };
    status.artifactGCStatus = gc;
    const repository = status.artifactRepositoryRef?.artifactRepository ?? { file: {} };
    const plans = planCollection(workflow, strategy, repository, { image, artifactVolume });
    gc.strategiesProcessed = { ...gc.strategiesProcessed, [strategy]: true };
    let pending = false;
    for (const plan of plans) {
      const { name, namespace = "" } = plan.pod.metadata as { name: string; namespace?: string };
      if (gc.podsRecouped?.[name]) continue;
      const pod = informers.informer(Pods).get({ namespace, name });
      const isOver = pod?.status?.phase === "Succeeded" || pod?.status?.phase === "Failed";
      if (pod && isOver) await this.#recoup(workflow, pod);
      else if (!pod && !(await this.#start(workflow, plan))) continue;
      else pending = true;
      gc.podsRecouped = { ...gc.podsRecouped, [name]: isOver };
    }
    return pending;
  }

  /** False where no pod can be made any more: the namespace goes, and everything in it. */
  async #start(workflow: Workflow, { tasks, pod }: Plan): Promise<boolean> {
    const { client, log } = this.#options;
    try {
      const owners = [];
      for (const task of tasks) {
        const made = await client.create(WorkflowArtifactGCTasks, task).catch((error: unknown) => {
          if (!isReason(error, "AlreadyExists")) throw error;
          const { name = "", namespace = "" } = task.metadata as { name?: string; namespace?: string };
          return client.get(WorkflowArtifactGCTasks, { name, namespace });
        });
        const { name, uid = "" } = made.metadata;
        owners.push({ apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowArtifactGCTask", name, uid });
      }
      await client.create(Pods, { ...pod, metadata: { ...pod.metadata, ownerReferences: owners } });
    } catch (error) {
      if (isReason(error, "AlreadyExists")) return true;
      if (!isReason(error, "Forbidden") || !/being terminated/.test(messageOf(error))) throw error;
      const { namespace, name } = workflow.metadata;
      log.warn("artifacts stay where they are: the namespace goes", { workflow: `${namespace}/${name}` });
      workflow.metadata.finalizers = workflow.metadata.finalizers?.filter((one) => one !== artifactGCFinalizer) ?? [];
      const { artifactGCStatus } = workflow.status ?? {};
      if (artifactGCStatus)
        artifactGCStatus.podsRecouped = { ...artifactGCStatus.podsRecouped, [pod.metadata.name ?? ""]: true };
      return false;
    }
    return true;
  }

  /** Takes over what the pod's tasks say; tasks that went well go, and the pod with them. */
  async #recoup(workflow: Workflow, pod: Pod): Promise<void> {
    const { client } = this.#options;
    const { name, namespace = "", annotations } = pod.metadata;
    const strategy = annotations?.[strategyAnnotation] ?? "";
    const errors: string[] = [];
    if (pod.status?.phase === "Failed") {
      const words =
        pod.status.containerStatuses?.[0]?.state?.terminated?.message || pod.status.message || "see its logs";
      errors.push(`Artifact Garbage Collection failed for strategy ${strategy}, pod ${name}: ${words}`);
    }
    const labelSelector = `${artifactGCPodLabel}=${fnv1a32(name)}`;
    const { items } = await client.list(WorkflowArtifactGCTasks, { namespace, labelSelector });
    for (const task of items) {
      let failed = false;
      for (const [id, { artifactResults = {} }] of Object.entries(task.status?.artifactResultsByNode ?? {})) {
        for (const artifact of workflow.status?.nodes?.[id]?.outputs?.artifacts ?? []) {
          const result = artifactResults[artifact.name];
          if (!result) continue;
          if (result.success) artifact.deleted = true;
          else {
            failed = true;
            errors.push(`${result.error ?? "not deleted"} (artifactGCTask: ${task.metadata.name})`);
          }
        }
      }
      if (failed || pod.status?.phase !== "Succeeded") continue;
      await client.delete(WorkflowArtifactGCTasks, refOf(task)).catch((error: unknown) => {
        if (!isReason(error, "NotFound")) throw error;
      });
    }
    const [first] = errors;
    if (!first) return;
    const others = (workflow.status?.conditions ?? []).filter(({ type }) => type !== "ArtifactGCError");
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
    if (workflow.status)
      workflow.status.conditions = [...others, { type: "ArtifactGCError", status: "True", message: `${first}${more}` }];
    this.#recorder.warning(workflow, "ArtifactGCFailed", first);
  }
}
