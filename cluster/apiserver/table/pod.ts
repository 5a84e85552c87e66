import type { ContainerStatus, Pod } from "@capstan/api/generated/core-v1";
import { since } from "./age.ts";
import { ageColumn, type Column, nameColumn, text, wide } from "./column.ts";

interface Summary {
  ready: number;
  total: number;
  status: string;
  restarts: number;
  /** Of init containers that keep running. */
  sidecarRestarts: number;
  restarted: string | undefined;
}

const isTrue = (pod: Pod, type: string) =>
  pod.status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;

/** What `kubectl get pods` says of a pod. Source: upstream's printPod. */
function summarize(pod: Pod): Summary {
  const { spec, status } = pod;
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const result: Summary = {
    ready: 0,
    total: (spec.containers?.length ?? 0) + sidecars.length,
    status: status?.reason || status?.phase || "",
    restarts: 0,
    sidecarRestarts: 0,
    restarted: undefined,
  };
  if (isTrue(pod, "PodScheduled") === false && isGated(pod)) result.status = "SchedulingGated";
  if (!summarizeInit(pod, new Set(sidecars.map(({ name }) => name)), result)) summarizeContainers(pod, result);
  if (pod.metadata.deletionTimestamp && status?.reason === "NodeLost") result.status = "Unknown";
  else if (pod.metadata.deletionTimestamp && status?.phase !== "Succeeded" && status?.phase !== "Failed") {
    result.status = "Terminating";
  }
  return result;
}

const isGated = ({ status }: Pod) =>
  status?.conditions?.some(({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated") ?? false;

function countRestarts(result: Summary, status: ContainerStatus): void {
  result.restarts += status.restartCount ?? 0;
  const finished = status.lastState?.terminated?.finishedAt;
  if (finished && (!result.restarted || finished > result.restarted)) result.restarted = finished;
}

function endText({ reason, signal, exitCode }: { reason?: string; signal?: number; exitCode?: number }): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`);
}

/** Whether an init container is what the status tells of. */
function summarizeInit(pod: Pod, sidecars: Set<string>, result: Summary): boolean {
  const total = pod.spec.initContainers?.length ?? 0;
  let found = false;
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    if (!sidecars.has(status.name)) result.restarts += status.restartCount ?? 0;
    else {
      countRestarts(result, status);
      result.sidecarRestarts += status.restartCount ?? 0;
    }
    if (found) continue;
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0 && !sidecars.has(status.name)) continue;
    if (sidecars.has(status.name) && status.started) {
      if (status.ready) result.ready++;
      continue;
    }
    if (terminated) result.status = `Init:${endText(terminated)}`;
    else if (waiting?.reason && waiting.reason !== "PodInitializing") result.status = `Init:${waiting.reason}`;
    else result.status = `Init:${i}/${total}`;
    found = true;
  }
  return found && !isTrue(pod, "Initialized");
}

function summarizeContainers(pod: Pod, result: Summary): void {
  if (!isTrue(pod, "Initialized") || (pod.spec.initContainers?.length ?? 0) === 0) {
    result.status = pod.status?.reason || (isGated(pod) ? "SchedulingGated" : pod.status?.phase) || "";
  } else result.status = pod.status?.reason || pod.status?.phase || "";
  // Those of init containers count no more once these have ended.
  result.restarts = result.sidecarRestarts;
  let running = false;
  for (const status of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    countRestarts(result, status);
    const { waiting, terminated, running: runs } = status.state ?? {};
    if (waiting?.reason) result.status = waiting.reason;
    else if (terminated) result.status = endText(terminated);
    else if (status.ready && runs) {
      running = true;
      result.ready++;
    }
  }
  if (result.status === "Completed" && running) result.status = isTrue(pod, "Ready") ? "Running" : "NotReady";
}

function gates({ spec, status }: Pod): string | undefined {
  const wanted = spec.readinessGates ?? [];
  if (wanted.length === 0) return undefined;
  const passed = wanted.filter(({ conditionType }) =>
    status?.conditions?.some(({ type, status: value }) => type === conditionType && value === "True"),
  );
  return `${passed.length}/${wanted.length}`;
}

/** Each row needs the summary several times. */
const summaries = new WeakMap<Pod, Summary>();
function summaryOf(pod: Pod): Summary {
  let summary = summaries.get(pod);
  if (!summary) {
    summary = summarize(pod);
    summaries.set(pod, summary);
  }
  return summary;
}

export const podColumns: Column<Pod>[] = [
  nameColumn,
  text("Ready", (pod) => `${summaryOf(pod).ready}/${summaryOf(pod).total}`),
  text("Status", (pod) => summaryOf(pod).status),
  text("Restarts", (pod) => {
    const { restarts, restarted } = summaryOf(pod);
    return restarts > 0 && restarted ? `${restarts} (${since(restarted)} ago)` : String(restarts);
  }),
  ageColumn,
  wide("IP", ({ status }) => status?.podIPs?.[0]?.ip || status?.podIP || undefined),
  wide("Node", ({ spec }) => spec.nodeName || undefined),
  wide("Nominated Node", ({ status }) => status?.nominatedNodeName || undefined),
  wide("Readiness Gates", gates),
];
