import type { Container } from "@capstan/api/generated/core-v1";
import type { LabelSelector } from "@capstan/api/generated/meta-v1";
import { type Requirement, requirementsOf } from "@capstan/api/meta";
import { type Column, wide } from "./column.ts";

/** A selector as its query text: `a=b,c in (d,e)`. */
export function selectorText(selector: LabelSelector | Record<string, string> | undefined): string {
  if (!selector) return "<none>";
  const whole = "matchLabels" in selector || "matchExpressions" in selector ? (selector as LabelSelector) : undefined;
  const requirements = requirementsOf(whole ?? { matchLabels: selector as Record<string, string> }) ?? [];
  return requirements.length === 0 ? "<none>" : requirements.map(requirementText).join(",");
}

export function requirementText({ key, operator, values }: Requirement): string {
  if (operator === "Exists") return key;
  if (operator === "DoesNotExist") return `!${key}`;
  if (operator === "In" && values.length === 1) return `${key}=${values[0]}`;
  return `${key} ${operator.toLowerCase()} (${[...values].sort().join(",")})`;
}

/** The wide columns of a workload: containers, images, selector. */
export function podColumns<T>(
  containers: (object: T) => Container[] | undefined,
  selector?: (object: T) => LabelSelector | Record<string, string> | undefined,
): Column<T>[] {
  return [
    wide("Containers", (object) => (containers(object) ?? []).map(({ name }) => name).join(",")),
    wide("Images", (object) => (containers(object) ?? []).map(({ image }) => image).join(",")),
    ...(selector ? [wide<T>("Selector", (object) => selectorText(selector(object)))] : []),
  ];
}
