import type { Pod, Taint, Toleration } from "@capstan/api/generated/core-v1";

export function tolerates(tolerations: Toleration[] | undefined, taint: Taint): boolean {
  return (tolerations ?? []).some(({ key, operator, value, effect }) => {
    if (effect && effect !== taint.effect) return false;
    if (!key) return operator === "Exists";
    if (key !== taint.key) return false;
    return operator === "Exists" || (value ?? "") === (taint.value ?? "");
  });
}

/** The first taint with one of these effects that the pod does not tolerate. */
export function untolerated(
  pod: Pick<Pod, "spec">,
  taints: Taint[] | undefined,
  ...effects: string[]
): Taint | undefined {
  return taints?.find((taint) => effects.includes(taint.effect) && !tolerates(pod.spec.tolerations, taint));
}
