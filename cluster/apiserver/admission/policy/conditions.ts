import { type Context, createContext, runInContext } from "node:vm";
import type { MatchCondition } from "@capstan/api/generated/admissionregistration-v1";
import type { StatusCause } from "@capstan/api/generated/meta-v1";
import { Namespaces } from "@capstan/api/generated/resources";
import { messageOf } from "@capstan/base/errors";
import { compileExpression, type Expression } from "../../custom/expressions.ts";
import type { Attributes, View } from "../../request.ts";
import { requestOf } from "../webhook/review.ts";

/** What expressions of webhooks and policies can speak of. */
const names = ["object", "oldObject", "request", "namespaceObject", "params", "variables"];

const compiled = new Map<string, Expression>();
// Expressions are few: what is beyond this was written and thrown away again many times.
const keptExpressions = 2000;

/** Throws an Error that says what is wrong with the expression. */
export function compile(text: string): Expression {
  const known = compiled.get(text);
  if (known) return known;
  const expression = compileExpression(text, names);
  if (compiled.size >= keptExpressions) compiled.clear();
  compiled.set(text, expression);
  return expression;
}

/** A wrong expression as a cause of Invalid; nothing when it is right. */
export function expressionCause(field: string, text: string | undefined): StatusCause[] {
  if (text === undefined) return [];
  try {
    compile(text);
    return [];
  } catch (error) {
    const message = `Invalid value: ${JSON.stringify(text)}: compilation failed: ${messageOf(error)}`;
    return [{ field, message, reason: "FieldValueInvalid" }];
  }
}

/** Milliseconds that the expressions of one webhook or binding may take. */
const patience = 500;
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

/** Values as expressions see them: whole numbers are integers. */
export function toExpressionValue(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toExpressionValue);
  if (typeof value !== "object" || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toExpressionValue(item)]));
}

/** The variables of one write. */
export function variablesOf(view: View, attributes: Attributes, asked = attributes): Record<string, unknown> {
  const { object, oldObject, namespace } = attributes;
  const namespaceObject = namespace === "" ? undefined : view.get(Namespaces, { name: namespace });
  const request = requestOf(attributes, asked);
  return toExpressionValue({ object, oldObject, request, namespaceObject, params: null, variables: {} }) as Record<
    string,
    unknown
  >;
}

/** Whether all conditions hold. Throws what an evaluation throws, with the condition's name. */
export function conditionsHold(conditions: MatchCondition[] | undefined, variables: Record<string, unknown>): boolean {
  return !conditions?.length || withinLimit(() => evaluateAll(conditions, variables));
}

function evaluateAll(conditions: MatchCondition[], variables: Record<string, unknown>): boolean {
  let failure: unknown;
  for (const { name, expression } of conditions) {
    try {
      // One that does not hold settles it, whatever another would have thrown.
      if (compile(expression)(variables) !== true) return false;
    } catch (error) {
      failure ??= new Error(`matchConditions: ${name}: ${messageOf(error)}`);
    }
  }
  if (failure) throw failure;
  return true;
}
