// Objects that this operator owns: written when they differ from what they should be, and not otherwise.
import type { KubeObject, New, Resource } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { digest } from "./names.ts";

const manager = "capstan-serving";
/** On an object: the hash of what was last applied, so that a field that was dropped is noticed. */
const appliedAnnotation = "capstan.dev/applied";

/** Applies `wanted` unless `present` already is so. */
export async function applyObject<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  wanted: New<T>,
  present: T | undefined,
): Promise<T> {
  const mark = digest(wanted);
  if (present?.metadata.annotations?.[appliedAnnotation] === mark && covers(present, wanted)) return present;
  const annotations = { ...wanted.metadata.annotations, [appliedAnnotation]: mark };
  const object = { ...wanted, metadata: { ...wanted.metadata, annotations } };
  return client.apply(resource, object, { fieldManager: manager, force: true });
}

/** Whether everything in `part` is in `whole` as well; lists must be of one length. */
export function covers(whole: unknown, part: unknown): boolean {
  if (Object.is(whole, part) || part === undefined) return true;
  if (typeof whole !== "object" || typeof part !== "object" || whole === null || part === null) return false;
  if (Array.isArray(part)) {
    return Array.isArray(whole) && whole.length === part.length && part.every((item, i) => covers(whole[i], item));
  }
  return Object.entries(part).every(([key, value]) => covers((whole as Record<string, unknown>)[key], value));
}
