import { UnsupportedValue } from "./unsupported.ts";

const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds of a duration such as `1m30s`; 0 means no limit. Throws UnsupportedValue for the field `at`. Source: Gateway API, GEP-2257. */
export function parseDuration(text: string, at: string): number {
  if (!/^(\d{1,5}(h|m|s|ms)){1,4}$/.test(text)) throw new UnsupportedValue(at, "not a duration such as 1m30s or 500ms");
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|h|m|s)/g))
    sum += Number(digits) * (units[unit as string] as number);
  return sum;
}
