import type { Condition } from "@capstan/api/generated/meta-v1";

export interface Verdict {
  type: string;
  status: boolean;
  reason: string;
  message: string;
}

/** Conditions of a status; times stand where nothing but the observed generation changed. */
export function conditionsOf(
  verdicts: Verdict[],
  generation: number,
  before: Condition[] = [],
  now = new Date(),
): Condition[] {
  return verdicts.map(({ type, status, reason, message }) => {
    const old = before.find((condition) => condition.type === type);
    const text = status ? "True" : "False";
    const same = old?.status === text;
    const lastTransitionTime = same ? old.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`;
    return { type, status: text, reason, message, observedGeneration: generation, lastTransitionTime };
  });
}
