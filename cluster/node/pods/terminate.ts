import type { Pod } from "@capstan/api/generated/core-v1";
import type { PodRuns } from "./runs.ts";
import type { ContainerView } from "./views.ts";

/**
 * Stops all containers within the grace: their preStop hooks run at once, side-cars end after the others, the last first.
 * Source: k8s.io/kubernetes pkg/kubelet/kuberuntime terminationOrdering.
 */
export async function terminate(
  pod: Pod,
  views: ContainerView[],
  runs: PodRuns,
  graceSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  runs.endProbes();
  const stop = async (view: ContainerView, turn?: Promise<unknown>) => {
    const [run] = view.runs;
    if (!run || run.state === "exited") return;
    await runs.stop(pod, view, run.id, graceSeconds, `Stopping container ${view.spec.name}`, signal, turn);
  };
  let before: Promise<unknown> = Promise.all(views.filter(({ role }) => role !== "sidecar").map((view) => stop(view)));
  for (const view of views.filter(({ role }) => role === "sidecar").reverse()) {
    const turn = before;
    const own = stop(view, turn);
    before = Promise.all([turn, own]);
  }
  await before;
}
