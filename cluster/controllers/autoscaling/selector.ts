import type { LabelSelector } from "@capstan/api/generated/meta-v1";
import { requirementsOf } from "@capstan/api/meta";

/** A selector as a query takes it: `a=b,c in (d,e)`. An absent one selects all. */
export function selectorQuery(selector: LabelSelector | undefined): string {
  const requirements = requirementsOf(selector) ?? [];
  return requirements
    .map(({ key, operator, values }) => {
      if (operator === "Exists") return key;
      if (operator === "DoesNotExist") return `!${key}`;
      return operator === "In" && values.length === 1
        ? `${key}=${values[0]}`
        : `${key} ${operator.toLowerCase()} (${values.join(",")})`;
    })
    .join(",");
}

/** A selector as upstream's messages print it. Source: generated.pb.go of apimachinery's meta/v1. */
export function selectorPrint(selector: LabelSelector | undefined): string {
  if (!selector) return "nil";
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const requirements = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],}`,
  );
  const map = labels.map(([key, value]) => `${key}: ${value},`).join("");
  const list = requirements.map((text) => `${text},`).join("");
  return `&LabelSelector{MatchLabels:map[string]string{${map}},MatchExpressions:[]LabelSelectorRequirement{${list}},}`;
}
