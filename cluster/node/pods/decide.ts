// What a pod needs next: a pure function of its spec and of its containers' runs.
// Source of the rules: k8s.io/kubernetes pkg/kubelet/kuberuntime computePodActions.
import type { Pod } from "@capstan/api/generated/core-v1";
import { type ContainerView, restarts } from "./views.ts";

export interface Decision {
  /** To be started now, in this order. */
  start: ContainerView[];
  /** To be stopped so that they start again. */
  restart: ContainerView[];
  /** Side-cars that have nothing left to serve, the last first. */
  retire: ContainerView[];
  /** All is over. */
  outcome?: "Succeeded" | "Failed";
}

/** @param sandboxId runs of init containers in an earlier sandbox do not count: the pod starts anew. */
export function decide(pod: Pod, views: ContainerView[], sandboxId: string | undefined): Decision {
  const decision: Decision = { start: [], restart: [], retire: [] };
  const policy = pod.spec?.restartPolicy ?? "Always";
  const mains = views.filter(({ role }) => role === "main");
  const sidecars = views.filter(({ role }) => role === "sidecar");
  const over = mains.every((view) => view.runs[0]?.state === "exited" && !restarts(policy, view));
  if (over) {
    decision.retire = sidecars.filter((view) => view.runs[0]?.state === "running").reverse();
    const failed = mains.some((view) => view.runs[0]?.exitCode !== 0);
    if (decision.retire.length === 0) decision.outcome = failed ? "Failed" : "Succeeded";
    return decision;
  }
  if (!initialize(decision, pod, views, sandboxId)) return decision;
  for (const view of views.filter(({ role }) => role === "main" || role === "ephemeral")) run(decision, policy, view);
  return decision;
}

/** @returns whether the main containers may start. */
function initialize(decision: Decision, pod: Pod, views: ContainerView[], sandboxId: string | undefined): boolean {
  const policy = pod.spec?.restartPolicy ?? "Always";
  const here = (view: ContainerView) => view.runs.filter((one) => one.sandboxId === sandboxId);
  const begun = views.some((view) => view.role === "main" && here(view).length > 0);
  for (const view of views.filter(({ role }) => role === "init" || role === "sidecar")) {
    const [latest] = here(view);
    if (view.role === "sidecar") {
      run(decision, policy, { ...view, runs: here(view) });
      // A side-car that once let the next one start does not hold it up again.
      if (!begun && (latest?.state !== "running" || !view.started)) return false;
      continue;
    }
    if (begun || (latest?.state === "exited" && latest.exitCode === 0 && latest.reason !== "Interrupted")) continue;
    if (latest?.state === "running" || latest?.state === "created") return false;
    if (latest && !restarts(policy, view)) {
      decision.outcome = "Failed";
      return false;
    }
    decision.start.push(view);
    return false;
  }
  return true;
}

function run(decision: Decision, policy: string, view: ContainerView): void {
  const [latest] = view.runs;
  if (latest?.state === "running" || latest?.state === "created") {
    if (view.unhealthy) decision.restart.push(view);
    return;
  }
  if (!latest || restarts(policy, view)) decision.start.push(view);
}
