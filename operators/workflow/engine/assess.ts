// What a pod's state means for its node. Source: the rules named in the contract's pitfalls 7 and 8.
import type { ContainerStateTerminated, ContainerStatus, Pod } from "@capstan/api/generated/core-v1";
import type { NodePhase, WorkflowTaskResult } from "@capstan/api/kinds/workflow";
import { dependencyFailed } from "@capstan/api/kinds/workflow-pod";
import { isQuantity, parseQuantity } from "@capstan/api/meta";
import { labels } from "./names.ts";
import { containersAnnotation, daemonAnnotation } from "./pod/build.ts";

export interface Assessment {
  phase: NodePhase;
  message?: string;
  daemoned?: boolean;
  exitCode?: string;
  podIP?: string;
  finishedAt?: string;
  resourcesDuration?: Record<string, number>;
  /** Phases of a containerSet's containers, by name. */
  containers: Record<string, { phase: NodePhase; message?: string }>;
}

export function mainNames(pod: Pod): string[] {
  return pod.metadata.annotations?.[containersAnnotation]?.split(",") ?? ["main"];
}

/** Undefined while nothing can be said: a daemon is not ready, or the executor's report is still on its way. */
export function assess(pod: Pod, result: WorkflowTaskResult | undefined): Assessment | undefined {
  const mains = mainNames(pod);
  const exit = exitCodeOf(pod, mains);
  const base = { containers: containersOf(pod, mains), ...(exit === undefined ? {} : { exitCode: exit }) };
  const daemon = pod.metadata.annotations?.[daemonAnnotation] === "true";
  switch (pod.status?.phase) {
    case undefined:
    case "":
    case "Pending": {
      const message = pendingReason(pod);
      return { ...base, phase: "Pending", message };
    }
    case "Running":
      return running(pod, base, daemon);
    case "Succeeded":
      if (daemon) return { ...base, ...ended(pod), phase: "Failed", message: "daemon ended" };
      if (isReporting(pod, result)) return undefined;
      return { ...base, ...ended(pod), phase: "Succeeded" };
    case "Failed":
      if (isReporting(pod, result)) return undefined;
      return { ...base, ...ended(pod), ...failureOf(pod, mains) };
    default:
      return {
        ...base,
        phase: "Error",
        message: `Unexpected pod phase for ${pod.metadata.name}: ${pod.status?.phase}`,
      };
  }
}

/** Reasons of containers whose process the runtime could not start: nobody in the pod is told of their end. */
const neverStarted = new Set(["StartError", "ContainerCannotRun"]);

function running(pod: Pod, base: Pick<Assessment, "containers" | "exitCode">, daemon: boolean): Assessment | undefined {
  const lost = pod.status?.containerStatuses?.find(({ state }) => neverStarted.has(state?.terminated?.reason ?? ""));
  if (lost?.state?.terminated) return { ...base, phase: "Failed", message: endOf(lost.name, lost.state.terminated) };
  if (!daemon) return { ...base, phase: "Running" };
  if (!(pod.status?.containerStatuses ?? []).every(({ ready }) => ready)) return undefined;
  return { ...base, phase: "Running", daemoned: true, ...(pod.status?.podIP ? { podIP: pod.status.podIP } : {}) };
}

const statuses = (pod: Pod): ContainerStatus[] => [
  ...(pod.status?.initContainerStatuses ?? []),
  ...(pod.status?.containerStatuses ?? []),
];

/** The executor ended well, so its report is there or about to be seen. */
function isReporting(pod: Pod, result: WorkflowTaskResult | undefined): boolean {
  if (result?.metadata.labels?.[labels.reportOutputsCompleted] === "true") return false;
  const reporter = pod.status?.containerStatuses?.find(({ name }) => name === "wait") ?? resourceMain(pod);
  return reporter?.state?.terminated?.exitCode === 0;
}
/** The main container of a resource or data template is the executor itself. */
function resourceMain(pod: Pod): ContainerStatus | undefined {
  if (pod.spec.containers.some(({ name }) => name === "wait")) return undefined;
  return pod.status?.containerStatuses?.find(({ name }) => name === "main");
}

function exitCodeOf(pod: Pod, mains: string[]): string | undefined {
  const name = mains.includes("main") ? "main" : undefined;
  const end = pod.status?.containerStatuses?.find((status) => status.name === name)?.state?.terminated;
  return end === undefined || wasLeftOut(end) ? undefined : String(end.exitCode);
}

/** Of a pod that is only on its way there is nothing to say. */
const routine = new Set(["ContainerCreating", "PodInitializing"]);

function pendingReason(pod: Pod): string {
  for (const { state } of statuses(pod)) {
    if (state?.waiting && !routine.has(state.waiting.reason ?? ""))
      return [state.waiting.reason, state.waiting.message].filter(Boolean).join(": ");
  }
  const condition = pod.status?.conditions?.find(({ reason }) => reason === "Unschedulable");
  return condition ? ["Unschedulable", condition.message].filter(Boolean).join(": ") : "";
}

/** One message for the node: init containers first, then main, wait, and last the sidecars. */
function failureOf(pod: Pod, mains: string[]): { phase: NodePhase; message?: string } {
  if (pod.status?.message) return { phase: "Failed", message: pod.status.message };
  const rank = ({ name }: ContainerStatus) => (mains.includes(name) ? 1 : name === "wait" ? 2 : 3);
  const inits = pod.status?.initContainerStatuses ?? [];
  // A container of a set that waits for one that failed is not what the pod failed for.
  const ended = ({ state }: ContainerStatus) => (state?.terminated ? 0 : 0.5);
  const others = (pod.status?.containerStatuses ?? []).toSorted((a, b) => rank(a) + ended(a) - rank(b) - ended(b));
  if (inits.length + others.length === 0) {
    return {
      phase: "Failed",
      message: `can't find failed message for pod ${pod.metadata.name} namespace ${pod.metadata.namespace}`,
    };
  }
  for (const { name, state } of [...inits, ...others]) {
    if (state?.waiting) {
      const { reason, message } = state.waiting;
      return {
        phase: "Error",
        message: `Pod failed before ${name} container starts due to ${reason}: ${message ?? ""}`,
      };
    }
    const end = state?.terminated;
    if (!end || end.exitCode === 0 || wasLeftOut(end)) continue;
    const message = endOf(name, end);
    if (mains.includes(name)) return { phase: "Failed", message };
    if (name === "init" || name === "wait") return { phase: "Error", message };
    if (inits.some((init) => init.name === name)) return { phase: "Failed", message };
    // Sidecars are ended by signals when main is done.
    if (end.exitCode !== 137 && end.exitCode !== 143) return { phase: "Failed", message };
  }
  return { phase: "Succeeded" };
}

/** A container of a set whose command argoexec did not start. */
const wasLeftOut = ({ exitCode, message }: ContainerStateTerminated): boolean =>
  exitCode === 64 && message?.trim() === dependencyFailed;

function endOf(name: string, { reason = "Error", exitCode, message }: ContainerStateTerminated): string {
  return `${name}: ${reason} (exit code ${exitCode})${message ? `: ${message}` : ""}`;
}

function containersOf(pod: Pod, mains: string[]): Assessment["containers"] {
  if (!pod.metadata.annotations?.[containersAnnotation]) return {};
  const result: Assessment["containers"] = {};
  for (const { name, state } of pod.status?.containerStatuses ?? []) {
    if (!mains.includes(name)) continue;
    const end = state?.terminated;
    if (end && wasLeftOut(end)) result[name] = { phase: "Omitted", message: dependencyFailed };
    else if (end) {
      const message = `${name}: ${end.reason} (exit code ${end.exitCode}): ${end.message ?? ""}`;
      const phase = end.exitCode === 0 ? "Succeeded" : end.exitCode === 64 ? "Error" : "Failed";
      result[name] = { phase, ...(phase === "Succeeded" ? {} : { message }) };
    } else if (pod.status?.phase === "Failed") {
      result[name] = state?.running
        ? { phase: "Failed", message: "Pod Failed whilst container running" }
        : { phase: "Omitted", message: dependencyFailed };
    } else result[name] = { phase: state?.running ? "Running" : "Pending" };
  }
  return result;
}

/** When it ended, and what it used: 100m and 100Mi stand for what a container does not request. */
function ended(pod: Pod): Pick<Assessment, "finishedAt" | "resourcesDuration"> {
  const requests = new Map(
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name, resources }) => [
      name,
      { cpu: "100m", memory: "100Mi", ...resources?.limits, ...resources?.requests } as Record<string, string>,
    ]),
  );
  const totals: Record<string, number> = {};
  let latest = "";
  for (const { name, state } of statuses(pod)) {
    const end = state?.terminated;
    if (!end?.finishedAt) continue;
    if (end.finishedAt > latest) latest = end.finishedAt;
    if (!end.startedAt) continue;
    const seconds = Math.max(0, (Date.parse(end.finishedAt) - Date.parse(end.startedAt)) / 1000);
    for (const [resource, quantity] of Object.entries(requests.get(name) ?? {})) {
      if (!isQuantity(quantity)) continue;
      const unit = resource === "memory" ? 100 * 2 ** 20 : resource.includes("storage") ? 10 * 2 ** 30 : 1;
      totals[resource] = (totals[resource] ?? 0) + (seconds * parseQuantity(quantity)) / unit;
    }
  }
  const resourcesDuration = Object.fromEntries(
    Object.entries(totals).map(([key, value]) => [key, Math.max(1, Math.trunc(value))]),
  );
  return {
    ...(latest ? { finishedAt: latest } : {}),
    ...(Object.keys(totals).length > 0 ? { resourcesDuration } : {}),
  };
}

/** A pod that ended while its node did not know. */
export function isPodOver(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}
