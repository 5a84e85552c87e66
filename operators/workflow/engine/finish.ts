// The end of a workflow: exit handlers, its phase, and what is cleaned up, at once or later.
import type { NodeStatus, WorkflowPhase } from "@capstan/api/kinds/workflow";
import { executeTemplate } from "./execute.ts";
import { holds } from "./hooks.ts";
import { resolveArguments } from "./invoke.ts";
import { releaseAllLocks } from "./locks.ts";
import { hookName, labels, onExitName } from "./names.ts";
import { hasFailed, isFulfilled, isOver, isWorkflowOver } from "./phase.ts";
import { collectPod } from "./pod-gc.ts";
import type { Run } from "./run.ts";
import { Scope } from "./scope.ts";
import { substitute } from "./substitute.ts";
import { agentName, dismissAgent } from "./tasks.ts";
import { hookReference, localContext } from "./templates.ts";

/** Runs the workflow's hooks with an expression; true when all that run are over. */
export function runWorkflowHooks(run: Run): boolean {
  let done = true;
  for (const [name, hook] of Object.entries(run.spec.hooks ?? {})) {
    if (name === "exit") continue;
    const full = hookName(run.name, name);
    if (!run.node(full) && !holds(hook.expression, name, run.globals)) continue;
    const given = resolveArguments(substitute(hook.arguments, run.globals), new Scope(run.globals));
    const node = executeTemplate(run, full, hookReference(hook), localContext(run.workflow), given, {
      flag: { hooked: true },
    });
    const root = run.node(run.name);
    if (node && root) run.addChild(root, node);
    if (!node || !isFulfilled(node)) done = false;
  }
  return done;
}

/** Runs the exit handler. Undefined while it goes on, null when there is none. */
export function runExitHandler(run: Run, root: NodeStatus): NodeStatus | null | undefined {
  const hook = run.spec.hooks?.exit ?? (run.spec.onExit ? { template: run.spec.onExit } : undefined);
  if (!hook || run.shutdown === "Terminate") return null;
  run.globals.set("workflow.status", root.phase ?? "");
  run.globals.set("workflow.failures", JSON.stringify(failures(run)));
  if (hook.expression && !run.node(onExitName(run.name)) && !holds(hook.expression, "exit", run.globals)) return null;
  const given = resolveArguments(substitute(hook.arguments ?? run.spec.arguments, run.globals), new Scope(run.globals));
  const options = { onExit: true, flag: { hooked: true } };
  const node = executeTemplate(
    run,
    onExitName(run.name),
    hookReference(hook),
    localContext(run.workflow),
    given,
    options,
  );
  return node && isFulfilled(node) ? node : undefined;
}

function failures(run: Run) {
  return Object.values(run.nodes)
    .filter((node) => hasFailed(node) && node.type === "Pod")
    .map((node) => ({
      displayName: node.displayName,
      message: node.message,
      templateName: node.templateName,
      phase: node.phase,
      podName: run.podName(node),
      finishedAt: node.finishedAt,
    }));
}

/** Gives the workflow its last phase, from its root node and its exit handler. */
export function conclude(run: Run, root: NodeStatus, exit: NodeStatus | null): void {
  const stopped = hasFailed(root) && run.shutdown ? `Stopped with strategy '${run.shutdown}'` : undefined;
  const late = hasFailed(root) && run.pastDeadline ? "Workflow deadline exceeded" : undefined;
  if (!hasFailed(root) && exit && hasFailed(exit)) setPhase(run, exit.phase as WorkflowPhase, exit.message ?? "");
  else {
    const phase = root.phase === "Error" || root.phase === "Failed" ? root.phase : "Succeeded";
    setPhase(run, phase, stopped ?? late ?? root.message ?? "");
  }
}

export function setPhase(run: Run, phase: WorkflowPhase, message?: string): void {
  const { status, workflow } = run;
  if (status.phase !== phase) {
    run.changed = true;
    run.pressing = true;
  }
  status.phase = phase;
  if (message !== undefined && (status.message ?? "") !== message) {
    if (message) status.message = message;
    else delete status.message;
    run.changed = true;
  }
  workflow.metadata.labels = { ...workflow.metadata.labels, [labels.phase]: phase, [labels.completed]: "false" };
  if (!isWorkflowOver(phase)) return;
  workflow.metadata.labels[labels.completed] = "true";
  if (run.world.settings.archives?.(workflow.metadata.labels)) {
    workflow.metadata.labels[labels.archivingStatus] = "Pending";
  }
  status.finishedAt ??= run.now;
  setCondition(run, "Completed", "True");
  cleanUp(run, phase);
}

export function setCondition(run: Run, type: string, value: "True" | "False", message?: string): void {
  const conditions = run.status.conditions ?? [];
  run.status.conditions = conditions;
  const known = conditions.find((condition) => condition.type === type);
  if (known?.status === value && known.message === message) return;
  run.changed = true;
  const condition = { type, status: value, ...(message ? { message } : {}) };
  if (known) conditions[conditions.indexOf(known)] = condition;
  else conditions.push(condition);
}

function cleanUp(run: Run, phase: WorkflowPhase): void {
  const { spec } = run;
  releaseAllLocks(run, workflowHolder(run));
  for (const node of Object.values(run.nodes)) {
    if (isOver(node) || node.type !== "Pod") continue;
    run.effects.push({ do: "stop pod", name: run.podName(node) });
    delete node.daemoned;
    run.mark(node, "Succeeded");
  }
  const claims = spec.volumeClaimGC?.strategy ?? "OnWorkflowSuccess";
  if (claims === "OnWorkflowCompletion" || (claims === "OnWorkflowSuccess" && phase === "Succeeded")) {
    for (const { persistentVolumeClaim } of run.status.persistentVolumeClaims ?? []) {
      if (persistentVolumeClaim) run.effects.push({ do: "delete claim", name: persistentVolumeClaim.claimName });
    }
    if (run.status.persistentVolumeClaims?.length) delete run.status.persistentVolumeClaims;
  }
  if (spec.podDisruptionBudget) run.effects.push({ do: "delete budget", name: run.name });
  labelPods(run, phase);
  dismissAgent(run);
  run.effects.push({ do: "delete results" });
}

/** Lets the pods go as podGC wants, or says on them that they are over. Those that no node knows were created just before something else ended the workflow. */
function labelPods(run: Run, phase: WorkflowPhase): void {
  const known = new Set(Object.values(run.nodes).flatMap((node) => (node.type === "Pod" ? [run.podName(node)] : [])));
  known.add(agentName(run.name));
  for (const pod of run.world.pods()) {
    const { metadata } = pod;
    if (metadata.deletionTimestamp) continue;
    if (collectPod(run, pod, "Workflow", phase === "Succeeded")) continue;
    // Its node was written as over, and then this process ended.
    if (collectPod(run, pod, "Pod", pod.status?.phase === "Succeeded")) continue;
    if (metadata.labels?.[labels.completed] === "true") continue;
    run.effects.push({ do: known.has(metadata.name) ? "label pod" : "delete pod", name: metadata.name });
  }
}

export const workflowHolder = (run: Run) => `${run.workflow.metadata.namespace}/${run.name}`;

/** Deletes a workflow whose time to live is over, once it is in the archive if it is to be there. */
export function expire(run: Run): void {
  const ttl = run.spec.ttlStrategy ?? run.workflow.spec.ttlStrategy;
  const { phase, finishedAt } = run.status;
  if (!ttl || !finishedAt || run.workflow.metadata.labels?.[labels.archivingStatus] === "Pending") return;
  const specific = phase === "Succeeded" ? ttl.secondsAfterSuccess : ttl.secondsAfterFailure;
  const limit = specific ?? ttl.secondsAfterCompletion;
  if (limit === undefined) return;
  const until = Date.parse(finishedAt) + limit * 1000;
  if (run.world.now >= until) run.effects.push({ do: "delete workflow" });
  else run.wakeAt(until);
}
