import type { Pod } from "@capstan/api/generated/core-v1";

export const indexAnnotation = "batch.kubernetes.io/job-completion-index";
/** Failures of an index so far, on the pod that replaces them. */
export const indexFailuresAnnotation = "batch.kubernetes.io/job-index-failure-count";

/** A pod's completion index; undefined when it has none that is in range. */
export function indexOf(pod: Pod, completions: number): number | undefined {
  const index = Number(pod.metadata.annotations?.[indexAnnotation] ?? Number.NaN);
  return Number.isInteger(index) && index >= 0 && index < completions ? index : undefined;
}

/** Reads `0,2-4`; numbers outside of 0..completions-1 are left out. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? "").split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) continue;
    const last = Math.min(Number(match[2] ?? match[1]), completions - 1);
    for (let index = Number(match[1]); index <= last; index++) indexes.add(index);
  }
  return indexes;
}

/** Writes {0,2,3,4} as `0,2-4`. Two in a row stay single, as upstream writes them: `0,1`. */
export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++;
    if (end === i) parts.push(String(sorted[i]));
    else parts.push(end === i + 1 ? `${sorted[i]},${sorted[end]}` : `${sorted[i]}-${sorted[end]}`);
    i = end + 1;
  }
  return parts.join(",");
}
