// Brings the state of pods, and what the executor reported, into the nodes.
import type { Pod } from "@capstan/api/generated/core-v1";
import type { Artifact, NodeStatus, WorkflowTaskResult } from "@capstan/api/kinds/workflow";
import { guardReported } from "./artifact-gc.ts";
import { type Assessment, assess, isPodOver } from "./assess.ts";
import { labels } from "./names.ts";
import { isOver } from "./phase.ts";
import { shorten } from "./pod/location.ts";
import { collectPod } from "./pod-gc.ts";
import { failWhole } from "./request-pod.ts";
import { addGlobalOutputs } from "./results.ts";
import type { Run } from "./run.ts";
import { observeTask } from "./tasks.ts";

/** With more nodes than this, reports go when their node is over, not when the workflow is. */
const resultLimit = 1000;

/** @param told the nodes to look at; undefined stands for all. */
export function observePods(run: Run, told: Set<string> | undefined): void {
  const { deadline } = run;
  if (deadline !== undefined && !run.pastDeadline) run.wakeAt(deadline);
  for (const id of told ?? Object.keys(run.nodes)) {
    const node = run.nodes[id];
    if (!node || isOver(node)) continue;
    if (node.type === "Pod") observePod(run, node);
    else if (node.type === "HTTP") observeTask(run, node);
    else if (node.type === "Suspend" && run.pastDeadline) run.mark(node, "Failed", "Step exceeded its deadline");
  }
}

function observePod(run: Run, node: NodeStatus): void {
  const pod = run.world.pod(run.podName(node));
  if (!pod) {
    // Its pod was seen and is gone. One that was never seen is asked for again.
    if (node.phase === "Running") {
      delete node.daemoned;
      failWhole(run, node, "pod deleted", "Error");
    }
    return;
  }
  // An older pod of the same name is on its way out; the node's own comes after it.
  if (pod.metadata.deletionTimestamp && node.phase === "Pending") return;
  const result = run.world.taskResult(node.id);
  readResult(run, node, result);
  if (!isPodOver(pod) && stopIfDue(run, node, pod)) return;
  const assessment = assess(pod, result);
  if (!assessment) return;
  apply(run, node, pod, assessment);
  // The rest of the pod waits for what never comes.
  if (isOver(assessment) && !isPodOver(pod)) run.effects.push({ do: "stop pod", name: pod.metadata.name });
}

/** Ends a pod of a workflow that is being stopped or is past its deadline. */
function stopIfDue(run: Run, node: NodeStatus, pod: Pod): boolean {
  const onExit = pod.metadata.labels?.[labels.onExit] === "true";
  const stopped = run.shutdown === "Terminate" || (run.shutdown === "Stop" && !onExit);
  if (!stopped && !(run.pastDeadline && !onExit)) return false;
  const started = pod.status?.phase === "Running";
  run.effects.push(
    started ? { do: "stop pod", name: pod.metadata.name } : { do: "delete pod", name: pod.metadata.name },
  );
  delete node.daemoned;
  failWhole(run, node, stopped ? `workflow shutdown with strategy:  ${run.shutdown}` : "Step exceeded its deadline");
  return true;
}

function readResult(run: Run, node: NodeStatus, result: WorkflowTaskResult | undefined): void {
  const version = result?.metadata.resourceVersion;
  if (!result || version === undefined || run.memory.results.get(node.id) === version) return;
  run.memory.results.set(node.id, version);
  const complete = result.metadata.labels?.[labels.reportOutputsCompleted] === "true";
  // What is read here is written with the node's next phase: until then it can be read again.
  run.status.taskResultsCompletionStatus ??= {};
  run.status.taskResultsCompletionStatus[node.id] = complete;
  node.taskResultSynced = complete;
  if (result.outputs) {
    const artifacts = result.outputs.artifacts && keptBy(run, result.outputs.artifacts);
    const reported = { ...result.outputs, ...(artifacts ? { artifacts } : {}) };
    node.outputs = { ...reported, ...(node.outputs?.exitCode ? { exitCode: node.outputs.exitCode } : {}) };
  }
  if (result.progress && /^\d+\/\d+$/.test(result.progress) && result.progress !== node.progress) {
    node.progress = result.progress;
    run.ledger.unsummed.add(node.id);
    run.changed = true;
  }
  if (result.message && !isOver(node)) run.mark(node, node.phase ?? "Running", result.message);
}

function keptBy(run: Run, artifacts: Artifact[]): Artifact[] {
  guardReported(run, artifacts);
  const { repository } = run.world.repository(run.workflow);
  return artifacts.map((artifact) => shorten(artifact, repository));
}

function apply(run: Run, node: NodeStatus, pod: Pod, seen: Assessment): void {
  for (const [name, { phase, message }] of Object.entries(seen.containers)) {
    const child = run.node(`${node.name}.${name}`);
    if (child && !isOver(child)) run.mark(child, phase, message);
  }
  if (pod.spec.nodeName) node.hostNodeName = pod.spec.nodeName;
  if (seen.exitCode !== undefined) node.outputs = { ...node.outputs, exitCode: seen.exitCode };
  if (Boolean(node.daemoned) !== Boolean(seen.daemoned)) {
    if (seen.daemoned) {
      node.daemoned = true;
      run.ledger.daemons.add(node.id);
    } else delete node.daemoned;
    run.changed = true;
  }
  if (seen.podIP && node.podIP !== seen.podIP) {
    node.podIP = seen.podIP;
    run.changed = true;
  }
  if (!isOver(seen)) {
    run.mark(node, seen.phase, seen.message ?? (node.phase === "Pending" ? "" : undefined));
    return;
  }
  if (seen.finishedAt) node.finishedAt = seen.finishedAt;
  if (seen.resourcesDuration) node.resourcesDuration = seen.resourcesDuration;
  const kept = node.phase === "Pending" && seen.phase === "Succeeded" ? "" : undefined;
  run.mark(node, seen.phase, seen.message ?? kept);
  for (const child of run.childrenOf(node)) {
    if (child.boundaryID === node.id && child.type === "Container" && !isOver(child)) {
      run.mark(child, seen.phase === "Succeeded" ? "Succeeded" : "Failed");
    }
  }
  addGlobalOutputs(run, node.outputs);
  // Those of a large workflow would fill everybody's memory until it is over.
  if (run.ledger.nodes > resultLimit) run.effects.push({ do: "delete result", node: node.id });
  afterPod(run, node, pod);
}

/** Lets the pod go as podGC wants. */
function afterPod(run: Run, node: NodeStatus, pod: Pod): void {
  collectPod(run, pod, "Pod", node.phase === "Succeeded");
}
