// Replaces `{{name}}` and `{{=expression}}` in every text of a value. What cannot be resolved yet stays as it is.
import { ExpressionError, evaluateRaw, missingNames, textOf, UnresolvedError } from "../expressions/index.ts";
import type { Scope } from "./scope.ts";

/** Longest text that substitution makes, in characters. */
const textLimit = 16 * 1024 * 1024;

/** A copy of `value` with its tags replaced; the value itself where there is nothing to replace. */
export function substitute<T>(value: T, scope: Scope): T {
  if (typeof value === "string") return (value.includes("{{") ? substituteText(value, scope) : value) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    let changed = false;
    const items = value.map((item: unknown) => {
      const next = substitute(item, scope);
      if (next !== item) changed = true;
      return next;
    });
    return changed ? (items as T) : value;
  }
  let changed = false;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const nextKey = key.includes("{{") ? substituteText(key, scope) : key;
    const next = substitute(item as unknown, scope);
    if (next !== item || nextKey !== key) changed = true;
    if (nextKey !== "__proto__") result[nextKey] = next;
  }
  return changed ? (result as T) : value;
}

export function substituteText(text: string, scope: Scope): string {
  const result = replaceTags(text, scope, 0).text;
  if (result.length > textLimit) throw new ExpressionError(`substituted text is longer than ${textLimit} characters`);
  return result;
}

/** Reads from `at` to the end, or to the `}}` that closes the tag in which it stands. */
function replaceTags(source: string, scope: Scope, at: number): { text: string; end: number } {
  let text = "";
  let position = at;
  for (;;) {
    const open = source.indexOf("{{", position);
    if (open < 0) return { text: text + source.slice(position), end: source.length };
    text += source.slice(position, open);
    const tag = readTag(source, open, scope);
    if (!tag) return { text: text + source.slice(open), end: source.length };
    text += tag.text;
    position = tag.end;
  }
}

function readTag(source: string, open: number, scope: Scope): { text: string; end: number } | undefined {
  if (/^\{\{\s*=/.test(source.slice(open, open + 20))) return readExpressionTag(source, open, scope);
  let content = "";
  let position = open + 2;
  for (;;) {
    const close = source.indexOf("}}", position);
    if (close < 0) return undefined;
    const nested = source.indexOf("{{", position);
    if (nested < 0 || nested > close) {
      content += source.slice(position, close);
      const value = resolveName(content, scope);
      return { text: value ?? `{{${content}}}`, end: close + 2 };
    }
    content += source.slice(position, nested);
    const inner = readTag(source, nested, scope);
    if (!inner) return undefined;
    content += inner.text;
    position = inner.end;
  }
}

function resolveName(content: string, scope: Scope): string | undefined {
  const name = content.trim();
  const value = scope.get(name);
  if (value === undefined && /\[/.test(name)) {
    // `steps['a-b'].outputs` names the same as `steps.a-b.outputs`.
    const dotted = name.replace(/\[\s*(?:'([^']*)'|"([^"]*)")\s*\]/g, (_, a?: string, b?: string) => `.${a ?? b}`);
    return scope.get(dotted) ?? undefined;
  }
  return value ?? undefined;
}

function readExpressionTag(source: string, open: number, scope: Scope): { text: string; end: number } | undefined {
  const start = source.indexOf("=", open) + 1;
  const close = findClose(source, start);
  if (close < 0) return undefined;
  const raw = source.slice(start, close);
  const verbatim = { text: source.slice(open, close + 2), end: close + 2 };
  const environment = scope.environment();
  // Where something that it names is missing it may come later, whatever is wrong until then.
  const mayCome = () => missingNames(raw, environment);
  const late = mayCome().find((name) => lateNames.some((late) => name === late || name.startsWith(`${late}.`)));
  if (late) return verbatim;
  try {
    const value = evaluateRaw(raw, environment);
    if (value !== null && value !== undefined) return { text: textOf(value), end: close + 2 };
  } catch (error) {
    if (error instanceof UnresolvedError || (error instanceof ExpressionError && mayCome().length > 0)) return verbatim;
    throw new ExpressionError(`cannot evaluate {{=${raw}}}: ${(error as Error).message}`);
  }
  if (mayCome().length > 0) return verbatim;
  throw new ExpressionError(`cannot evaluate {{=${raw}}}: it is nil`);
}

/** Names that are there only in parts of a workflow, or once it runs: without them nothing is replaced, not even by `??`. */
const lateNames = [
  "item",
  "retries",
  "lastRetry.exitCode",
  "lastRetry.status",
  "lastRetry.duration",
  "lastRetry.message",
  "workflow.status",
  "workflow.failures",
];

/** The `}}` that ends an expression: outside of text and of braces; else the first one. */
function findClose(source: string, start: number): number {
  let depth = 0;
  for (let i = start; i < source.length; i++) {
    const char = source[i] as string;
    if (char === '"' || char === "'" || char === "`") {
      const quote = char;
      for (i++; i < source.length && source[i] !== quote; i++) if (source[i] === "\\" && quote !== "`") i++;
    } else if (char === "{") depth++;
    else if (char === "}") {
      if (depth === 0 && source[i + 1] === "}") return i;
      depth = Math.max(0, depth - 1);
    }
  }
  return source.indexOf("}}", start);
}

/** Whether a text still has tags. */
export function hasTags(text: string): boolean {
  return /\{\{.*\}\}/s.test(text);
}

/** The expressions of a text's tags. */
export function expressionsIn(text: string): string[] {
  const found: string[] = [];
  for (const { index, 0: open } of text.matchAll(/\{\{\s*=/g)) {
    const start = index + open.length;
    const close = findClose(text, start);
    if (close >= 0) found.push(text.slice(start, close));
  }
  return found;
}
