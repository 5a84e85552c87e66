// Loops: one step or task becomes one for each item.
import type { Invocation, Sequence } from "@capstan/api/kinds/workflow";
import { ExpressionError, evaluateWhen, plainNumber } from "../expressions/index.ts";
import { itemName } from "./names.ts";
import { Scope } from "./scope.ts";
import { substitute } from "./substitute.ts";

/** Most items of one loop. */
export const itemLimit = 100_000;

export function isLoop(step: Invocation): boolean {
  return Boolean(step.withItems || step.withParam || step.withSequence);
}

/** A step becomes one for each item; without a loop it stays alone. Each text is replaced once, by the scope and the item. */
export function expand<T extends Invocation>(step: T, scope: Scope): T[] {
  if (!isLoop(step)) return [substitute(step, scope)];
  const { withItems, withParam, withSequence, ...single } = step;
  const loop = substitute({ withItems, withParam, withSequence }, scope);
  const items =
    loop.withItems ??
    (loop.withParam === undefined ? sequence(loop.withSequence as Sequence) : readParam(step.name, loop.withParam));
  if (items.length > itemLimit)
    throw new ExpressionError(`${step.name} has ${items.length} items, more than ${itemLimit}`);
  return items.map((item, index) => expandItem(single as T, item, index, scope));
}

function readParam(step: string, text: string): unknown[] {
  let items: unknown;
  try {
    items = JSON.parse(text);
  } catch {
    throw new ExpressionError(`withParam of ${step} is not a JSON list: ${JSON.stringify(text.slice(0, 200))}`);
  }
  if (!Array.isArray(items)) throw new ExpressionError(`withParam of ${step} is JSON, but not a list`);
  return items;
}

function expandItem<T extends Invocation>(step: T, item: unknown, index: number, parent: Scope): T {
  const scope = new Scope(parent);
  const { text, fields, description } = describeItem(item, index);
  scope.set("item", text);
  for (const [key, value] of Object.entries(fields)) scope.set(`item.${key}`, value);
  return { ...substitute(step, scope), name: itemName(step.name, index, description) };
}

function describeItem(item: unknown, index: number) {
  const none: Record<string, string> = {};
  if (item === null || item === undefined) throw new ExpressionError(`item ${index} of the loop is null`);
  if (Array.isArray(item))
    return { text: JSON.stringify(item), fields: none, description: `[${item.map(goText).join(" ")}]` };
  if (typeof item !== "object") return { text: goText(item), fields: none, description: goText(item) };
  const fields = Object.fromEntries(Object.entries(item).map(([key, value]) => [key, fieldText(value)]));
  const description = Object.entries(fields)
    .map(([key, value]) => `${key}:${value}`)
    .sort()
    .join(",");
  return { text: JSON.stringify(sortKeys(item)), fields, description };
}

const goText = (value: unknown): string =>
  typeof value === "number" ? plainNumber(value) : typeof value === "object" ? JSON.stringify(value) : String(value);
const fieldText = (value: unknown): string => (value === null ? "null" : goText(value));

/** Go marshals maps with sorted keys. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}

function whole(value: number | string | undefined, field: string): number | undefined {
  if (value === undefined || value === "") return undefined;
  const number = Number(value);
  if (!Number.isInteger(number))
    throw new ExpressionError(`withSequence.${field} is ${JSON.stringify(value)}, not a whole number`);
  return number;
}

/** Texts from start to end, counting down where end is smaller. */
function sequence({ start, end, count, format }: Sequence): string[] {
  const from = whole(start, "start") ?? 0;
  const amount = whole(count, "count");
  const to = whole(end, "end") ?? (amount === undefined ? undefined : from + amount - 1);
  if (to === undefined) throw new ExpressionError("withSequence needs end or count");
  if (end === undefined && amount === 0) return [];
  const length = Math.abs(to - from) + 1;
  if (length > itemLimit) throw new ExpressionError(`withSequence has ${length} items, more than ${itemLimit}`);
  const step = to >= from ? 1 : -1;
  return Array.from({ length }, (_, i) => formatInteger(format ?? "%d", from + i * step));
}

/** Go's verbs for whole numbers: %d %x %X %o %b %c with flags and width. */
function formatInteger(format: string, value: number): string {
  return format.replace(/%(?:%|([-+0 #]*)(\d*)([dxXobcv]))/g, (all, flags: string, width: string, verb: string) => {
    if (all === "%%") return "%";
    const bases: Record<string, number> = { x: 16, X: 16, o: 8, b: 2 };
    let text = verb === "c" ? String.fromCodePoint(value) : Math.abs(value).toString(bases[verb] ?? 10);
    if (verb === "X") text = text.toUpperCase();
    const sign = value < 0 ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
    if (flags.includes("-")) return (sign + text).padEnd(Number(width));
    if (flags.includes("0")) return sign + text.padStart(Number(width) - sign.length, "0");
    return (sign + text).padStart(Number(width));
  });
}

/** @throws ExpressionError that says how to quote, when `when` cannot be read. */
export function shouldRun(when: string | undefined): boolean {
  if (when === undefined || when === "") return true;
  return evaluateWhen(when);
}
