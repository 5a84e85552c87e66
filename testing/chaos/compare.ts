// How two runs of the same workflows differ.
import type { Result } from "./result.ts";

/** Differences by workflow, node and field; none is what is wanted. */
export function differences(calm: Map<string, Result>, disturbed: Map<string, Result>): string[] {
  const names = [...new Set([...calm.keys(), ...disturbed.keys()])].sort();
  return names.flatMap((name) => [...compare(name, calm.get(name), disturbed.get(name))]);
}

function* compare(path: string, wanted: unknown, got: unknown): Generator<string> {
  if (JSON.stringify(wanted) === JSON.stringify(got)) return;
  const nested = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (!nested(wanted) || !nested(got) || Array.isArray(wanted)) {
    yield `${path}: ${JSON.stringify(wanted)} undisturbed, ${JSON.stringify(got)} after kills`;
    return;
  }
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(got)])) {
    yield* compare(`${path} ${key}`, wanted[key], got[key]);
  }
}
