// How sprig makes numbers and texts of any value: what cannot be read is 0.

import { toInt } from "../expr/operations.ts";
import { parseFloat64 } from "../expr/scalar-builtins.ts";
import { format, isRecord } from "../values.ts";

/** A whole number as strconv.ParseInt reads it: 0x, 0o, 0b, and octal after a leading 0. */
function readInteger(text: string): bigint {
  const decimal = /^([-+]?\d*)\.\d*$/.exec(text)?.[1];
  const plain = decimal === undefined ? text : /\d/.test(decimal) ? decimal : "0";
  const match = /^([+-]?)(0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][\d_]*)$/.exec(plain);
  if (!match) return 0n;
  const digits = (match[2] as string).replaceAll("_", "").toLowerCase();
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const signed = match[1] === "-" ? -value : value;
  return signed === BigInt.asIntN(64, signed) ? signed : 0n;
}

export function castInt(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return toInt(value);
  if (typeof value === "boolean") return value ? 1n : 0n;
  return typeof value === "string" ? readInteger(value) : 0n;
}

export function castFloat(value: unknown): number {
  if (typeof value === "bigint" || typeof value === "number") return Number(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "string" ? (parseFloat64(value) ?? 0) : 0;
}

export const castText = (value: unknown): string => format(value);

/** A list as texts; one value is a list of it. */
export function castTexts(value: unknown): string[] {
  if (value === null || value === undefined) return [];
  return (Array.isArray(value) ? value.filter((item) => item !== null) : [value]).map(castText);
}

export function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "" || value === false) return true;
  if (value === 0 || value === 0n) return true;
  if (value instanceof Map) return value.size === 0;
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;
}
