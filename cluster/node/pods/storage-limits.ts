// What pods have on the node's disk, and which of them have more than they may.
// Source: k8s.io/kubernetes pkg/kubelet/eviction localStorageEviction.
import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { parseQuantity } from "@capstan/api/meta";
import { sleep } from "@capstan/base/async";
import { diskUsage } from "@capstan/core/runtime";
import type { NodeContext } from "./context.ts";
import type { PodWorker } from "./worker.ts";

/** The kubelet's pause between two looks. */
export const storagePeriodMs = 10_000;

const storage = "ephemeral-storage";
const limitOf = ({ resources }: Container) => resources?.limits?.[storage];

function isBounded({ spec }: Pod): boolean {
  const { containers = [], initContainers = [], volumes = [] } = spec ?? {};
  return [...containers, ...initContainers].some(limitOf) || volumes.some(({ emptyDir }) => emptyDir?.sizeLimit);
}

/** Looks at the pods that have a limit, and evicts those that are beyond it, until the signal aborts. */
export async function enforceStorageLimits(
  context: NodeContext,
  workers: () => PodWorker[],
  periodMs = storagePeriodMs,
): Promise<void> {
  const { signal, log } = context;
  for (;;) {
    await sleep(periodMs, signal);
    if (signal.aborted) return;
    for (const worker of workers()) {
      if (!worker.active || !isBounded(worker.pod)) continue;
      try {
        const excess = await excessOf(context, worker);
        if (excess && !signal.aborted) worker.evict(excess);
      } catch (error) {
        log.warn("a pod's disk use is not known", { pod: worker.pod.metadata.name, error });
      }
    }
  }
}

async function excessOf({ runtime }: NodeContext, worker: PodWorker): Promise<string | undefined> {
  const { pod, paths } = worker;
  let total = 0;
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    if (!emptyDir || emptyDir.medium === "Memory") continue;
    const { bytes } = await diskUsage(paths.volume(name));
    total += bytes;
    const { sizeLimit } = emptyDir;
    if (sizeLimit !== undefined && parseQuantity(sizeLimit) > 0 && bytes > parseQuantity(sizeLimit)) {
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${sizeLimit}". `;
    }
  }
  for (const { spec, runs } of await worker.views()) {
    const [run] = runs;
    if (!run) continue;
    const { writableLayerBytes = 0 } = await runtime.containerStats(run.id);
    const bytes = writableLayerBytes + (await diskUsage(paths.logDirectory(spec.name))).bytes;
    total += bytes;
    const limit = limitOf(spec);
    if (limit !== undefined && bytes > parseQuantity(limit)) {
      return `Container ${spec.name} exceeded its local ephemeral storage limit "${limit}". `;
    }
  }
  const limits = (pod.spec?.containers ?? []).map(limitOf);
  if (limits.some((limit) => limit === undefined)) return undefined;
  const allowed = limits.reduce((sum, limit = "0") => sum + parseQuantity(limit), 0);
  return total > allowed
    ? `Pod ephemeral local storage usage exceeds the total limit of containers ${allowed}. `
    : undefined;
}
