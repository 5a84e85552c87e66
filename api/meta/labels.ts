import type { LabelSelector } from "../generated/meta-v1.ts";

export interface Requirement {
  key: string;
  operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
  values: string[];
}

const integer = /^[+-]?\d+$/;

/** Whether labels meet every requirement. */
export function matches(requirements: readonly Requirement[], labels: Record<string, string> | undefined): boolean {
  return requirements.every(({ key, operator, values }) => {
    const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (operator === "Exists") return value !== undefined;
    if (operator === "DoesNotExist") return value === undefined;
    if (operator === "Gt" || operator === "Lt") {
      const difference = value && integer.test(value) ? Number(value) - Number(values[0]) : Number.NaN;
      return operator === "Gt" ? difference > 0 : difference < 0;
    }
    const among = value !== undefined && values.includes(value);
    return operator === "In" ? among : !among;
  });
}

/** A LabelSelector as requirements; an empty selector matches all, an absent one nothing. */
export function requirementsOf(selector: LabelSelector | undefined): Requirement[] | undefined {
  if (!selector) return undefined;
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]): Requirement => {
    return { key, operator: "In", values: [value] };
  });
  const sets = (selector.matchExpressions ?? []).map(({ key, operator, values }): Requirement => {
    return { key, operator: operator as Requirement["operator"], values: values ?? [] };
  });
  return [...equal, ...sets];
}

export function selects(selector: LabelSelector | undefined, labels: Record<string, string> | undefined): boolean {
  const requirements = requirementsOf(selector);
  return requirements !== undefined && matches(requirements, labels);
}
