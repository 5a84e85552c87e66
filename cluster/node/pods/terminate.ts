import type { Pod } from "@capstan/api/generated/core-v1";
import type { PodRuns } from "./runs.ts";
import type { ContainerView } from "./views.ts";

/** Stops all containers: side-cars after the others, the last first, within what is left of the grace. */
export async function terminate(
  pod: Pod,
  views: ContainerView[],
  runs: PodRuns,
  graceSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const end = Date.now() + graceSeconds * 1000;
  const stop = async (view: ContainerView) => {
    const [run] = view.runs;
    if (!run || run.state === "exited") return;
    const left = Math.max(0, Math.min(graceSeconds, Math.ceil((end - Date.now()) / 1000)));
    await runs.stop(pod, view, run.id, left, `Stopping container ${view.spec.name}`, signal);
  };
  await Promise.all(views.filter(({ role }) => role !== "sidecar").map(stop));
  for (const view of views.filter(({ role }) => role === "sidecar").reverse()) await stop(view);
}
