// Values of custom objects as expressions see them.
import { escapeName } from "./escape.ts";
import { toFormat } from "./expressions.ts";
import type { Node } from "./structure.ts";

type Fields = Record<string, unknown>;
const formats = new Set(["byte", "date", "date-time", "duration"]);

/** Integers as CEL's int, times as timestamps, and fields under the identifiers that stand for them. */
export function toCel(value: unknown, node: Node | undefined): unknown {
  if (typeof value === "number") return Number.isInteger(value) && node?.type !== "number" ? BigInt(value) : value;
  if (typeof value === "string") {
    const format = node?.type === "string" ? node.source.format : undefined;
    return format && formats.has(format) ? toFormat(format, value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => toCel(item, node?.items));
  if (typeof value !== "object" || value === null) return value;
  const result: Fields = {};
  const isMap = typeof node?.additional === "object";
  for (const [name, item] of Object.entries(value)) {
    const child = node?.properties.get(name) ?? (isMap ? (node?.additional as Node) : undefined);
    const key = isMap ? name : escapeName(name);
    if (key !== undefined) result[key] = toCel(item, child);
  }
  return result;
}
