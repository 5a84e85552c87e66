// Validation rules of custom kinds (x-kubernetes-validations).
import { type Context, createContext, runInContext } from "node:vm";
import type { ValidationRule } from "@capstan/api/generated/apiextensions-v1";
import { messageOf } from "@capstan/base/errors";
import type { FieldErrors } from "../field-errors.ts";
import { compileExpression, type Expression, optionalOf } from "./expressions.ts";
import type { Node } from "./structure.ts";

interface Rule {
  source: ValidationRule;
  /** Runs only when there is an old value to compare with. */
  transition: boolean;
  holds: Expression;
  message: Expression | undefined;
}

const compiled = new WeakMap<ValidationRule, Rule>();

/** Throws an Error that says what is wrong with the rule. */
export function compileRule(source: ValidationRule): Rule {
  let rule = compiled.get(source);
  if (!rule) {
    rule = {
      source,
      transition: /\boldSelf\b/.test(source.rule) && !source.optionalOldSelf,
      holds: compileExpression(source.rule),
      message: source.messageExpression ? compileExpression(source.messageExpression) : undefined,
    };
    compiled.set(source, rule);
  }
  return rule;
}

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
const patience = 500;
let sandbox: Context | undefined;

/** Checks every rule of an object; a rule that takes too long counts as broken. */
export function checkRules(object: unknown, old: unknown, node: Node, errors: FieldErrors): void {
  sandbox ??= createContext({});
  sandbox.run = () => visit(object, old, node, "", errors);
  try {
    runInContext("run()", sandbox, { timeout: patience });
  } catch (thrown) {
    const late = (thrown as { code?: string }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
    if (!late) throw thrown;
    errors.invalid("", "object", `validation rules took longer than the limit of ${patience} ms`);
  }
}

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function visit(value: unknown, old: unknown, node: Node, path: string, errors: FieldErrors): void {
  if (value === undefined || value === null) return;
  for (const source of rulesOf(node)) checkRule(compileRule(source), value, old, node, path, errors);
  if (Array.isArray(value)) {
    if (!node.items) return;
    for (const [i, item] of value.entries())
      visit(item, oldItem(old, item, i, node), node.items, `${path}[${i}]`, errors);
  } else if (isObject(value)) {
    for (const [name, item] of Object.entries(value)) {
      const child = node.properties.get(name) ?? (typeof node.additional === "object" ? node.additional : undefined);
      const before = isObject(old) ? old[name] : undefined;
      if (child) visit(item, before, child, path === "" ? name : `${path}.${name}`, errors);
    }
  }
}

/** Items of a keyed list are compared with their like; those of other lists with nothing. */
function oldItem(old: unknown, item: unknown, _index: number, node: Node): unknown {
  if (!Array.isArray(old) || node.listType !== "map" || !isObject(item)) return undefined;
  return old.find((candidate) => isObject(candidate) && node.listMapKeys.every((key) => candidate[key] === item[key]));
}

function checkRule(rule: Rule, value: unknown, old: unknown, node: Node, path: string, errors: FieldErrors): void {
  if (rule.transition && (old === undefined || old === null)) return;
  const before = old === undefined ? undefined : toCel(old, node);
  const oldSelf = rule.source.optionalOldSelf ? optionalOf(before) : (before ?? null);
  const variables = { self: toCel(value, node), oldSelf };
  const { source } = rule;
  const field = source.fieldPath ? `${path}${source.fieldPath}`.replace(/^\./, "") : path;
  try {
    if (rule.holds(variables) === true) return;
  } catch (thrown) {
    errors.invalid(field, typeName(node), `rule ${JSON.stringify(source.rule)} failed: ${messageOf(thrown)}`);
    return;
  }
  const message = messageFor(rule, variables);
  if (source.reason === "FieldValueForbidden") errors.forbidden(field, message);
  else if (source.reason === "FieldValueRequired") errors.required(field, message);
  else if (source.reason === "FieldValueDuplicate") errors.duplicate(field, typeName(node));
  else errors.invalid(field, typeName(node), message);
}

const typeName = (node: Node) => node.type || "object";

function messageFor({ source, message }: Rule, variables: Record<string, unknown>): string {
  if (message) {
    try {
      const text = message(variables);
      if (typeof text === "string" && text.trim() !== "") return text.trim();
    } catch {
      return source.message?.trim() || `failed rule: ${source.rule}`;
    }
  }
  return source.message?.trim() || `failed rule: ${source.rule}`;
}

/** Integers as CEL's int, and names that are not identifiers under their escaped names too. */
function toCel(value: unknown, node: Node | undefined): unknown {
  if (typeof value === "number") {
    const whole = Number.isInteger(value) && node?.type !== "number";
    return whole ? BigInt(value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => toCel(item, node?.items));
  if (!isObject(value)) return value;
  const result: Fields = {};
  const isMap = typeof node?.additional === "object";
  for (const [name, item] of Object.entries(value)) {
    const child = node?.properties.get(name) ?? (isMap ? (node?.additional as Node) : undefined);
    result[isMap ? name : escapeName(name)] = toCel(item, child);
  }
  return result;
}

const reserved = new Set([
  "true",
  "false",
  "null",
  "in",
  "as",
  "break",
  "const",
  "continue",
  "else",
  "for",
  "function",
  "if",
  "import",
  "let",
  "loop",
  "package",
  "namespace",
  "return",
  "var",
  "void",
  "while",
]);

/** Source: kubernetes.io's escaping of field names in CEL. */
function escapeName(name: string): string {
  if (reserved.has(name)) return `__${name}__`;
  if (/^\w+$/.test(name) && !name.includes("__")) return name;
  return name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}
