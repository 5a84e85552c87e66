// One example: creates what a file holds, does what a person would do, and says how it ended.
import { readFileSync } from "node:fs";
import { ConfigMaps, PersistentVolumeClaims, ResourceQuotas, Secrets } from "@capstan/api/generated/resources";
import {
  ClusterWorkflowTemplates,
  CronWorkflows,
  type NodeStatus,
  type Workflow,
  WorkflowEventBindings,
  Workflows,
  WorkflowTemplates,
} from "@capstan/api/kinds/workflow";
import { isReason, type KubeObject, type New, type Resource } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { readManifests } from "@capstan/operators/workflow";
import type { Expectation } from "./expectations.ts";

export const namespace = "default";
/** Where a quota of the examples does not count the others. */
export const apart = "apart";

export interface Ending {
  phase: string;
  note: string;
  seconds: number;
}

const kinds: Record<string, Resource<KubeObject>> = Object.fromEntries(
  [
    ...[ConfigMaps, PersistentVolumeClaims, ResourceQuotas, Secrets],
    ...[WorkflowTemplates, ClusterWorkflowTemplates, CronWorkflows, WorkflowEventBindings],
  ].map((r) => [r.kind, r as Resource<KubeObject>]),
);

/** What a file holds: its Workflows, and all else. */
export async function readExample(file: string): Promise<{ workflows: New<Workflow>[]; others: New<KubeObject>[] }> {
  const objects = await readManifests(readFileSync(file, "utf8"));
  const workflows = objects.filter(({ kind }) => kind === "Workflow") as New<Workflow>[];
  return { workflows, others: objects.filter(({ kind }) => kind !== "Workflow") };
}

/** Stores an object that is no Workflow. Answers the error's words, if any. */
export async function store(client: Client, object: New<KubeObject>): Promise<string | undefined> {
  const resource = kinds[object.kind ?? ""];
  if (!resource) return `${object.kind} is no kind of these examples`;
  const where = object.kind === "ResourceQuota" ? apart : namespace;
  const metadata = { ...object.metadata, ...(resource.namespaced ? { namespace: where } : {}) };
  try {
    await client.create(resource, { ...object, metadata });
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) return (error as Error).message;
  }
  return undefined;
}

/** Runs a Workflow until it is over, or in a phase that is wanted of one that never ends. */
export async function run(client: Client, manifest: New<Workflow>, wanted: Expectation): Promise<Ending> {
  const began = Date.now();
  const made = await client.create(Workflows, { ...manifest, metadata: { ...manifest.metadata, namespace } });
  const signal = AbortSignal.timeout((wanted.seconds ?? 60) * 1000);
  const endless = wanted.phase?.includes("Running") ?? false;
  const where = { namespace, fieldSelector: `metadata.name=${made.metadata.name}`, signal };
  let last = made;
  try {
    for await (const event of client.watch(Workflows, where)) {
      if (event.type === "BOOKMARK") continue;
      last = event.object;
      if (event.type === "DELETED" || last.status?.finishedAt) break;
      if (endless && hasRunningPod(last)) break;
      if (wanted.act) await act(client, last, wanted.act);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (endless) await client.delete(Workflows, { namespace, name: made.metadata.name });
  return { phase: last.status?.phase ?? "none", note: noteOf(last), seconds: (Date.now() - began) / 1000 };
}

const nodesOf = ({ status }: Workflow): NodeStatus[] => Object.values(status?.nodes ?? {});
const hasRunningPod = (workflow: Workflow) =>
  nodesOf(workflow).some(({ type, phase }) => type === "Pod" && phase === "Running");

function noteOf(workflow: Workflow): string {
  const bad = nodesOf(workflow).filter((node) => node.message && ["Pod", "HTTP"].includes(node.type));
  const notes = [workflow.status?.message, ...bad.map((node) => `${node.displayName}: ${node.message}`)];
  return notes.filter(Boolean).join(" | ").slice(0, 200);
}

/** `resume` ends a waiting step, with a value for each parameter that it is to supply; `stop` ends the workflow. */
async function act(client: Client, workflow: Workflow, words: string): Promise<void> {
  const [verb, ...values] = words.split(" ");
  const ref = { namespace, name: workflow.metadata.name };
  if (verb === "stop") {
    if (!workflow.spec.shutdown && hasRunningPod(workflow))
      await client.patch(Workflows, ref, { type: "merge", body: { spec: { shutdown: "Stop" } } });
    return;
  }
  const timed = new Set(workflow.spec.templates?.filter(({ suspend }) => suspend?.duration).map(({ name }) => name));
  // What ends by itself needs nobody.
  const waiting = nodesOf(workflow).find(
    ({ type, phase, templateName }) => type === "Suspend" && phase === "Running" && !timed.has(templateName),
  );
  if (!waiting) return;
  const node = structuredClone(waiting);
  for (const parameter of node.outputs?.parameters ?? []) {
    const given = values.find((value) => value.startsWith(`${parameter.name}=`));
    if (given) parameter.value = given.slice(parameter.name.length + 1);
  }
  node.phase = "Succeeded";
  node.finishedAt = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const status = { ...workflow.status, nodes: { ...workflow.status?.nodes, [node.id]: node } };
  try {
    await client.update(Workflows, { ...workflow, status });
  } catch (error) {
    // The workflow has moved: its next state is looked at instead.
    if (!isReason(error, "Conflict")) throw error;
  }
}
