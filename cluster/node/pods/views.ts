import type { Container, Pod } from "@capstan/api/generated/core-v1";
import type { ContainerStatus as Run } from "@capstan/core/runtime";

export type Role = "init" | "sidecar" | "main" | "ephemeral";

/** A container of a pod's spec, and what became of it so far. */
export interface ContainerView {
  spec: Container;
  role: Role;
  /** Its runs that the runtime still knows, the latest first. */
  runs: Run[];
  /** Why its next run has not begun. */
  waiting?: { reason: string; message?: string };
  /** Its startup probe has passed and its postStart hook is over. */
  started: boolean;
  /** Its readiness probe passes, or it has none. */
  ready: boolean;
  /** Set when a probe wants it restarted: the Killing event's words. */
  unhealthy?: string;
  /** Termination messages, by the id of the run. */
  messages: ReadonlyMap<string, string>;
}

/** Source: an init container with restartPolicy Always is a side-car (KEP-753). */
export function containersOf(pod: Pod): { spec: Container; role: Role }[] {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [
    ...initContainers.map((spec) => ({ spec, role: spec.restartPolicy === "Always" ? "sidecar" : "init" }) as const),
    ...containers.map((spec) => ({ spec, role: "main" }) as const),
    ...ephemeralContainers.map((spec) => ({ spec: spec as Container, role: "ephemeral" }) as const),
  ];
}

export const isTerminal = (pod: Pod) => pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";

/** The reason that the runtime gives to a run which was cut off with its node, and is begun again whatever the policy. */
export const interrupted = (run: Run) => run.reason === "Interrupted";

export function restarts(policy: string | undefined, view: ContainerView): boolean {
  const run = view.runs[0];
  if (run?.state !== "exited" || interrupted(run)) return true;
  if (view.role === "sidecar") return true;
  if (view.role === "ephemeral") return false;
  if (policy === "Never") return false;
  const failed = run.exitCode !== 0;
  return view.role === "init" ? failed : policy === "OnFailure" ? failed : true;
}
