// podGC: which pods go when they, or the workflow, are over. Source: argo-workflows docs/fields.md, PodGC.
import type { Pod } from "@capstan/api/generated/core-v1";
import { selects } from "@capstan/api/meta";
import { ExpressionError, parseDuration } from "../expressions/index.ts";
import type { Run } from "./run.ts";

/** @throws ExpressionError for a delay that cannot be read. */
export function checkPodGc({ spec }: Run): void {
  const delay = spec.podGC?.deleteDelayDuration;
  if (delay && readDelay(delay) === undefined) {
    throw new ExpressionError(`spec.podGC.deleteDelayDuration: "${delay}" is not a duration such as 30s or 5m`);
  }
}

function readDelay(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Asks to delete a pod when the strategy and the selector say so. False when the pod stays. */
export function collectPod(run: Run, pod: Pod, of: "Pod" | "Workflow", succeeded: boolean): boolean {
  const { strategy, labelSelector, deleteDelayDuration } = run.spec.podGC ?? {};
  if (strategy !== `On${of}Completion` && !(strategy === `On${of}Success` && succeeded)) return false;
  if (labelSelector && !selects(labelSelector, pod.metadata.labels)) return false;
  const after = deleteDelayDuration ? readDelay(deleteDelayDuration) : undefined;
  run.effects.push({ do: "delete pod", name: pod.metadata.name, ...(after ? { after } : {}) });
  return true;
}
