import type { Pod } from "@capstan/api/generated/core-v1";
import type { Tone } from "../../ui/phase.tsx";

export interface PodState {
  /** The word that `kubectl get pods` shows. */
  word: string;
  tone: Tone;
  ready: string;
  restarts: number;
}

/** Source: kubectl's printPod. */
export function podState(pod: Pod): PodState {
  const statuses = pod.status?.containerStatuses ?? [];
  const ready = `${statuses.filter((c) => c.ready).length}/${pod.spec?.containers.length ?? 0}`;
  const restarts = statuses.reduce((sum, c) => sum + (c.restartCount ?? 0), 0);
  const word = wordOf(pod);
  return { word, tone: toneOfPod(word, pod), ready, restarts };
}

function wordOf(pod: Pod): string {
  if (pod.metadata.deletionTimestamp) return "Terminating";
  const init = initWord(pod);
  if (init) return init;
  for (const { state } of pod.status?.containerStatuses ?? []) {
    const why = state?.waiting?.reason ?? state?.terminated?.reason;
    if (why && why !== "Completed") return why;
  }
  if (pod.status?.phase === "Succeeded") return "Completed";
  return pod.status?.reason ?? pod.status?.phase ?? "Pending";
}

function initWord(pod: Pod): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [index, { state }] of statuses.entries()) {
    if (state?.terminated?.exitCode === 0) continue;
    if (state?.running && pod.spec?.initContainers?.[index]?.restartPolicy === "Always") continue;
    const why = state?.terminated?.reason ?? state?.waiting?.reason;
    if (why && why !== "PodInitializing") return `Init:${why}`;
    return `Init:${index}/${statuses.length}`;
  }
  return undefined;
}

function toneOfPod(word: string, pod: Pod): Tone {
  if (word === "Running") {
    const ready = pod.status?.conditions?.find((c) => c.type === "Ready")?.status;
    return ready === "False" ? "warn" : "good";
  }
  if (word === "Completed") return "good";
  if (word === "Terminating") return "warn";
  if (word === "Pending" || word === "ContainerCreating" || word.startsWith("Init:")) {
    return /(Err|Fail|BackOff)/.test(word) ? "bad" : "busy";
  }
  return "bad";
}
