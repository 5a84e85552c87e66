// Validation rules of custom kinds (x-kubernetes-validations).
// Source: apiextensions' pkg/apiserver/schema/cel/validation.go.
import { type Context, createContext, runInContext } from "node:vm";
import type { ValidationRule } from "@capstan/api/generated/apiextensions-v1";
import { equal } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { messageLimit, objectBudget } from "./cost/limits.ts";
import { type Budget, CostExceeded } from "./cost/meter.ts";
import { compileExpression, type Expression, optionalOf } from "./expressions.ts";
import { resolveFieldPath } from "./field-path.ts";
import { problemOf } from "./problem.ts";
import type { Node } from "./structure.ts";
import { toCel } from "./values.ts";

interface Rule {
  source: ValidationRule;
  comparesWithOld: boolean;
  /** Runs only when there is an old value to compare with. */
  transition: boolean;
  holds: Expression;
  message: Expression | undefined;
}

const compiled = new WeakMap<ValidationRule, Rule>();
const strings = /r?"""[\s\S]*?"""|r?'''[\s\S]*?'''|r"[^"]*"|r'[^']*'|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/gi;

/** Throws an Error that says what is wrong with the rule. */
export function compileRule(source: ValidationRule): Rule {
  let rule = compiled.get(source);
  if (!rule) {
    const comparesWithOld = usesOld(source);
    rule = {
      source,
      comparesWithOld,
      transition: comparesWithOld && !source.optionalOldSelf,
      holds: compileExpression(source.rule),
      message: source.messageExpression ? compileExpression(source.messageExpression) : undefined,
    };
    compiled.set(source, rule);
  }
  return rule;
}

/** Whether a rule speaks of what was there before. */
export const usesOld = ({ rule }: ValidationRule): boolean => /(?<![.\w])oldSelf\b/.test(rule.replace(strings, "''"));

export const rulesOf = (node: Node): ValidationRule[] => node.source["x-kubernetes-validations"] ?? [];

/** Whether rules stand anywhere in a schema. */
export function hasRules(node: Node): boolean {
  if (rulesOf(node).length > 0) return true;
  const below = [
    ...node.properties.values(),
    node.items,
    typeof node.additional === "object" ? node.additional : undefined,
  ];
  return below.some((child) => child !== undefined && hasRules(child));
}

/** Milliseconds that all rules of one object may take. */
const patience = 2000;
let sandbox: Context | undefined;

/**
 * Checks every rule of an object, within the budget of costs. What is broken but was there before the update does not
 * count: it is returned as warnings.
 */
export function checkRules(object: unknown, old: unknown, node: Node, errors: FieldErrors): string[] {
  const check: Check = { errors, warnings: [], budget: { remaining: objectBudget } };
  sandbox ??= createContext({});
  sandbox.run = () => visit(check, { value: object, old, unchanged: false, path: "", node });
  try {
    runInContext("run()", sandbox, { timeout: patience });
  } catch (thrown) {
    const late = (thrown as { code?: string }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
    if (!late) throw thrown;
    errors.invalid("", "object", `validation rules took longer than the limit of ${patience} ms`);
  }
  return check.warnings;
}

interface Check {
  errors: FieldErrors;
  warnings: string[];
  budget: Budget;
}

interface Spot {
  value: unknown;
  old: unknown;
  /** What holds this was there before, and is the same. */
  unchanged: boolean;
  path: string;
  node: Node;
}

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function visit(check: Check, spot: Spot): void {
  const { value, old, path, node } = spot;
  if (value === undefined || value === null) return;
  const unchanged = spot.unchanged || (old !== undefined && equal(value, old));
  const rules = rulesOf(node);
  if (rules.length > 0) checkSpot(check, rules.map(compileRule), { ...spot, unchanged });
  if (check.budget.remaining < 0) return;
  if (Array.isArray(value)) {
    const { items } = node;
    if (!items) return;
    for (const [i, item] of value.entries())
      visit(check, { value: item, old: oldItem(old, item, node), unchanged, path: `${path}[${i}]`, node: items });
  } else if (isObject(value)) {
    for (const [name, item] of Object.entries(value)) {
      const property = node.properties.get(name);
      const child = property ?? (typeof node.additional === "object" ? node.additional : undefined);
      if (!child) continue;
      const at = !property ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`;
      visit(check, { value: item, old: isObject(old) ? old[name] : undefined, unchanged, path: at, node: child });
    }
  }
}

/** Items of a keyed list are compared with their like; those of other lists with nothing. */
function oldItem(old: unknown, item: unknown, node: Node): unknown {
  if (!Array.isArray(old) || node.listType !== "map" || !isObject(item)) return undefined;
  return old.find((candidate) => isObject(candidate) && node.listMapKeys.every((key) => candidate[key] === item[key]));
}

/** Ends all checks: no further rule is run. */
const exhaust = ({ budget }: Check) => {
  budget.remaining = -1;
};

function checkSpot(check: Check, rules: Rule[], spot: Spot): void {
  const { value, old, path, node } = spot;
  const { errors, budget } = check;
  const before = old === undefined ? undefined : toCel(old, node);
  const self = toCel(value, node);
  for (const rule of rules) {
    if (budget.remaining < 0) return;
    if (rule.transition && (old === undefined || old === null)) continue;
    const { source } = rule;
    const variables = { self, oldSelf: source.optionalOldSelf ? optionalOf(before) : (before ?? null) };
    let holds: unknown;
    let failure: unknown;
    try {
      holds = rule.holds(variables, budget);
    } catch (thrown) {
      failure = thrown;
    }
    if (budget.remaining < 0) {
      errors.invalid(path, node.type, outOfBudget);
      exhaust(check);
    } else if (failure instanceof CostExceeded) {
      const reason = `no further validation rules will be run due to call cost exceeds limit for rule: ${shown(source)}`;
      errors.invalid(path, node.type, `'${failure.message}': ${reason}`);
      exhaust(check);
    } else if (failure) errors.invalid(path, node.type, failed(failure, source));
    else if (holds !== true) report(check, rule, variables, spot);
  }
}

const outOfBudget = "validation failed due to running out of cost budget, no further validation rules will be run";

/** How a rule is called in errors. */
const shown = ({ message, rule }: ValidationRule) => (message ? message.trim() : rule.trim());

function failed(thrown: unknown, source: ValidationRule): string {
  const problem = problemOf(thrown);
  if (!problem.startsWith("no such overload")) return `${problem} evaluating rule: ${shown(source)}`;
  return `'${problem}': call arguments did not match a supported operator, function or macro signature for rule: ${shown(source)}`;
}

function report(check: Check, rule: Rule, variables: Record<string, unknown>, spot: Spot): void {
  const { source } = rule;
  const { node, path, unchanged } = spot;
  const below = source.fieldPath ? resolveFieldPath(source.fieldPath, node) : undefined;
  const field = !below ? path : path === "" || below.startsWith("[") ? `${path}${below}` : `${path}.${below}`;
  const message = messageFor(check, rule, variables);
  const found = check.errors.collect((errors) => {
    if (source.reason === "FieldValueForbidden") errors.forbidden(field, message);
    else if (source.reason === "FieldValueRequired") errors.required(field, message);
    else if (source.reason === "FieldValueDuplicate") errors.duplicate(field, node.type);
    else errors.invalid(field, node.type, message);
  });
  if (rule.comparesWithOld || !unchanged) check.errors.causes.push(...found);
  else check.warnings.push(...found.map((cause) => `${cause.field}: ${cause.message}`));
}

function messageFor(check: Check, { source, message }: Rule, variables: Record<string, unknown>): string {
  const fallback = source.message ? source.message.trim() : `failed rule: ${shown(source)}`;
  if (!message) return fallback;
  try {
    const text = message(variables, check.budget);
    if (check.budget.remaining < 0) {
      return "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run";
    }
    const usable = typeof text === "string" ? text.trim() : "";
    return usable === "" || usable.length > messageLimit || /[\r\n]/.test(usable) ? fallback : usable;
  } catch (thrown) {
    if (!(thrown instanceof CostExceeded)) return fallback;
    exhaust(check);
    const expression = JSON.stringify(source.messageExpression);
    return `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${expression}`;
  }
}
