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
  const order = startOrder(pod, mains);
  const over = mains.every(
    (view) => order.isOff(view) || (view.runs[0]?.state === "exited" && !restarts(policy, view)),
  );
  if (over) {
    decision.retire = sidecars.filter((view) => view.runs[0]?.state === "running").reverse();
    const failed = mains.some((view) => view.runs[0]?.exitCode !== 0);
    if (decision.retire.length === 0) decision.outcome = failed ? "Failed" : "Succeeded";
    return decision;
  }
  if (!initialize(decision, pod, views, sandboxId)) return decision;
  for (const view of views.filter(({ role }) => role === "main" || role === "ephemeral")) {
    if (order.mayStart(view)) run(decision, policy, view);
  }
  return decision;
}

/** JSON, container → names of those that must have ended well before it starts: for workflows' containerSet. */
export const startAfterAnnotation = "capstan.dev/start-after";

function startOrder(pod: Pod, mains: ContainerView[]) {
  const text = pod.metadata.annotations?.[startAfterAnnotation];
  const after: Record<string, unknown> = text ? parseOrder(text) : {};
  const before = ({ spec, role }: ContainerView): ContainerView[] => {
    const names = role === "main" && Object.hasOwn(after, spec.name) ? after[spec.name] : [];
    return Array.isArray(names) ? mains.filter((main) => names.includes(main.spec.name)) : [];
  };
  const end = (view: ContainerView) => (view.runs[0]?.state === "exited" ? view.runs[0].exitCode : undefined);
  const isOff = (view: ContainerView, depth = 0): boolean =>
    view.runs.length === 0 &&
    depth <= mains.length &&
    before(view).some((one) => (end(one) ?? 0) !== 0 || isOff(one, depth + 1));
  return {
    /** Will never start: what it waits for has failed. */
    isOff: (view: ContainerView) => isOff(view),
    mayStart: (view: ContainerView) => view.runs.length > 0 || before(view).every((one) => end(one) === 0),
  };
}

/** An annotation that is no such table orders nothing. */
function parseOrder(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
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
