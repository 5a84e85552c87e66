// Expressions of webhooks and policies: what they speak of, and what they may cost.
import { type Context, createContext, runInContext } from "node:vm";
import type { MatchCondition } from "@capstan/api/generated/admissionregistration-v1";
import type { StatusCause } from "@capstan/api/generated/meta-v1";
import { Namespaces } from "@capstan/api/generated/resources";
import { messageOf } from "@capstan/base/errors";
import type { Authorizer as Authorize } from "../../authorization/index.ts";
import { type Declared, dynamic } from "../../custom/cost/declared.ts";
import { nameOf } from "../../custom/cost/estimate.ts";
import { conditionsBudget } from "../../custom/cost/limits.ts";
import type { Budget } from "../../custom/cost/meter.ts";
import { Unfit } from "../../custom/cost/unfit.ts";
import { compileExpression, type Expression, estimateExpression } from "../../custom/expressions.ts";
import { Authorizer } from "../../custom/functions/authorizer.ts";
import { problemOf } from "../../custom/problem.ts";
import type { Attributes, View } from "../../request.ts";
import { requestOf } from "../webhook/review.ts";

/** What expressions can speak of. */
export type Name = "object" | "oldObject" | "request" | "namespaceObject" | "params" | "variables" | "authorizer";

/** Of webhooks' conditions; policies add to them. */
export const commonNames: readonly Name[] = ["object", "oldObject", "request", "namespaceObject"];
export const conditionNames: readonly Name[] = [...commonNames, "authorizer"];
const allNames: readonly Name[] = [...conditionNames, "params", "variables"];

const compiled = new Map<string, Expression>();
// Expressions are few: what is beyond this was written and thrown away again many times.
const keptExpressions = 2000;

/** Throws an Error that says what is wrong with the expression. */
export function compile(text: string): Expression {
  const known = compiled.get(text);
  if (known) return known;
  const expression = compileExpression(text, allNames);
  if (compiled.size >= keptExpressions) compiled.clear();
  compiled.set(text, expression);
  return expression;
}

/** How an expression is looked at before it is kept. */
export interface ExpressionCheck {
  names: readonly Name[];
  /** The types that it may give; absent: any. */
  wanted?: readonly Declared["kind"][];
  /** The type of `variables`. */
  variables?: Declared;
  /** Gets the type of what it gives. */
  found?: (type: Declared) => void;
}

/** A wrong expression as a cause of Invalid; nothing when it is right. */
export function expressionCause(field: string, text: string, check: ExpressionCheck): StatusCause[] {
  const { names, wanted = [], variables: own = dynamic, found } = check;
  const refuse = (detail: string): StatusCause[] => [
    { field, message: `Invalid value: ${JSON.stringify(text)}: ${detail}`, reason: "FieldValueInvalid" },
  ];
  try {
    const variables = new Map(names.map((name) => [name, name === "variables" ? own : dynamic]));
    const { type, untyped } = estimateExpression(text, { root: dynamic, variables });
    found?.(type);
    const fits = wanted.includes(type.kind) || (type.kind === "dyn" && !untyped);
    if (wanted.length === 0 || fits) return [];
    const must = wanted.length > 1 ? `one of [${wanted.map(shownType).join(" ")}]` : wanted[0];
    return refuse(`must evaluate to ${must} but got ${nameOf(type)}`);
  } catch (thrown) {
    return refuse(`compilation failed: ${thrown instanceof Unfit ? thrown.message : messageOf(thrown)}`);
  }
}

const shownType = (kind: Declared["kind"]) => (kind === "null" ? "null_type" : kind);

/** Milliseconds that the expressions of one webhook or binding may take. */
const patience = 2000;
let sandbox: Context | undefined;

/** Runs evaluations; throws an Error that names the limit when they take too long. */
export function withinLimit<T>(run: () => T): T {
  sandbox ??= createContext({});
  sandbox.run = run;
  try {
    return runInContext("run()", sandbox, { timeout: patience });
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new Error(`the expressions took longer than the limit of ${patience} ms`);
  }
}

/** The expressions together have spent what they may: nothing further is run. */
export class OutOfBudget extends Error {
  constructor() {
    super("validation failed due to running out of cost budget, no further validation rules will be run");
    this.name = "OutOfBudget";
  }
}

/** Throws OutOfBudget, or an Error that says which expression failed and how. */
export function evaluate(text: string, variables: Record<string, unknown>, budget: Budget): unknown {
  try {
    return evaluateInner(text, variables, budget);
  } catch (thrown) {
    if (thrown instanceof OutOfBudget) throw thrown;
    throw new Error(`expression '${text}' resulted in error: ${problemOf(thrown)}`);
  }
}

/** As part of another expression, which is the one to be told. */
export function evaluateInner(text: string, variables: Record<string, unknown>, budget: Budget): unknown {
  let value: unknown;
  let failure: unknown;
  try {
    value = compile(text)(variables, budget);
  } catch (thrown) {
    failure = thrown;
  }
  if (budget.remaining < 0) throw new OutOfBudget();
  if (failure) throw failure;
  return value;
}

/** Values as expressions see them: whole numbers are integers. */
export function toExpressionValue(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toExpressionValue);
  if (typeof value !== "object" || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toExpressionValue(item)]));
}

/** The variables of one write. */
export function variablesOf(
  view: View,
  authorize: Authorize,
  attributes: Attributes,
  asked = attributes,
): Record<string, unknown> {
  const { object, oldObject, namespace, info, principal, name } = attributes;
  const isNamespace = info.group === "" && info.resource === "namespaces";
  const namespaceObject = namespace === "" || isNamespace ? undefined : view.get(Namespaces, { name: namespace });
  const request = requestOf(attributes, asked);
  const values = toExpressionValue({ object, oldObject, request, namespaceObject, params: null, variables: {} });
  const { group, resource, subresource } = info;
  const authorizer = new Authorizer(authorize, principal, { group, resource, subresource, namespace, name });
  return { ...(values as Record<string, unknown>), authorizer };
}

/**
 * Whether all conditions hold. Throws an Error with what the evaluations throw.
 * One that does not hold settles it, whatever another throws.
 */
export function conditionsHold(conditions: MatchCondition[] | undefined, variables: Record<string, unknown>): boolean {
  return !conditions?.length || withinLimit(() => evaluateAll(conditions, variables));
}

function evaluateAll(conditions: MatchCondition[], variables: Record<string, unknown>): boolean {
  const budget: Budget = { remaining: conditionsBudget };
  const failures: string[] = [];
  for (const { expression } of conditions) {
    try {
      if (evaluate(expression, variables, budget) === false) return false;
    } catch (error) {
      if (error instanceof OutOfBudget) throw error;
      failures.push(messageOf(error));
    }
  }
  const [first] = failures;
  if (first) throw new Error(failures.length === 1 ? first : `[${failures.join(", ")}]`);
  return true;
}
