// One policy, evaluated for one write and one object of parameters. Source: apiserver's policy/validating validator.go.
import type { ValidatingAdmissionPolicy, Validation } from "@capstan/api/generated/admissionregistration-v1";
import type { Reason } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { messageLimit, objectBudget } from "../../custom/cost/limits.ts";
import type { Budget } from "../../custom/cost/meter.ts";
import { problemOf } from "../../custom/problem.ts";
import { conditionsHold, evaluate, evaluateInner, OutOfBudget, withinLimit } from "./conditions.ts";

/** Something against a write. */
export interface Finding {
  /** Of the validation that says so. */
  index: number;
  message: string;
  reason: Reason;
}

export interface Evaluation {
  findings: Finding[];
  /** Failures of annotations, which deny whatever the binding's actions are. */
  failures: string[];
  annotations: { key: string; value: string }[];
}

type Variables = Record<string, unknown>;

/** @param variables without `variables`, which are the policy's own. */
export function evaluatePolicy(policy: ValidatingAdmissionPolicy, variables: Variables): Evaluation {
  const nothing: Evaluation = { findings: [], failures: [], annotations: [] };
  const { matchConditions, failurePolicy } = policy.spec;
  try {
    if (!conditionsHold(matchConditions, variables)) return nothing;
    return withinLimit(() => evaluateAll(policy, variables));
  } catch (error) {
    if (failurePolicy === "Ignore") return nothing;
    return { ...nothing, findings: [{ index: 0, message: messageOf(error), reason: "Invalid" }] };
  }
}

function evaluateAll({ spec }: ValidatingAdmissionPolicy, given: Variables): Evaluation {
  const budget: Budget = { remaining: objectBudget };
  const ignores = spec.failurePolicy === "Ignore";
  const all = { ...given, variables: lazily(spec.variables ?? [], given, budget) };
  const validations = spec.validations ?? [];
  const verdicts = validations.map(({ expression }) => attempt(() => evaluate(expression, all, budget)));
  const messages = validations.map((validation, i) =>
    verdicts[i]?.failure === undefined && verdicts[i]?.value !== true
      ? messageOfValidation(validation, all, budget)
      : "",
  );
  const findings = verdicts.flatMap(({ value, failure }, index): Finding[] => {
    if (failure !== undefined) return ignores ? [] : [{ index, message: failure, reason: "Invalid" }];
    if (value === true) return [];
    const reason = (validations[index]?.reason as Reason | undefined) ?? "Invalid";
    return [{ index, message: messages[index] ?? "", reason }];
  });
  return { findings, ...annotate(spec, all) };
}

/** A value, or what kept it from being. Passes on that the budget is spent. */
function attempt(run: () => unknown): { value?: unknown; failure?: string } {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof OutOfBudget) throw error;
    const inner = typeof (error as { summary?: unknown }).summary === "string";
    return { failure: inner ? problemOf(error) : messageOf(error) };
  }
}

/** The variables of a policy: each is worked out when it is first asked for, and may use those before it. */
function lazily(declared: { name: string; expression: string }[], given: Variables, budget: Budget): Variables {
  const own: Variables = {};
  for (const { name, expression } of declared) {
    const before: Variables = Object.defineProperties({}, Object.getOwnPropertyDescriptors(own));
    let outcome: { value?: unknown; failure?: string } | undefined;
    const get = () => {
      outcome ??= attempt(() => evaluateInner(expression, { ...given, variables: before }, budget));
      if (outcome.failure !== undefined)
        throw new Error(`composited variable "${name}" fails to evaluate: ${outcome.failure}`);
      return outcome.value;
    };
    Object.defineProperty(own, name, { get, enumerable: true, configurable: true });
  }
  return own;
}

function messageOfValidation(validation: Validation, all: Variables, budget: Budget): string {
  const { messageExpression, message, expression } = validation;
  const fallback = message?.trim() || `failed expression: ${expression.trim()}`;
  if (!messageExpression) return fallback;
  const { value } = attempt(() => evaluate(messageExpression, all, budget));
  const text = typeof value === "string" ? value.trim() : "";
  return text === "" || text.length > messageLimit || text.includes("\n") ? fallback : text;
}

function annotate(
  { auditAnnotations = [], failurePolicy }: ValidatingAdmissionPolicy["spec"],
  all: Variables,
): Pick<Evaluation, "annotations" | "failures"> {
  const budget: Budget = { remaining: objectBudget };
  const result: Pick<Evaluation, "annotations" | "failures"> = { annotations: [], failures: [] };
  for (const { key, valueExpression } of auditAnnotations) {
    const { value, failure } = attempt(() => evaluate(valueExpression, all, budget));
    if (failure !== undefined) {
      if (failurePolicy !== "Ignore") result.failures.push(failure);
    } else if (typeof value === "string") {
      if (value.trim() !== "") result.annotations.push({ key, value: value.trim() });
    } else if (value !== null) {
      result.failures.push(
        `valueExpression '${valueExpression}' resulted in unsupported return type: ${typeof value}. Return type must be either string or null.`,
      );
    }
  }
  return result;
}
