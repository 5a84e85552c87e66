import type { KubeObject, Resource } from "@capstan/api/meta";
import type { Informer } from "@capstan/core/reconcile";
import type { Workshop } from "./context.ts";
import { saySame } from "./same.ts";

/** Writes the status when it differs, and waits for the copy to have it. */
export async function writeStatus<T extends KubeObject & { status?: object }>(
  { client }: Pick<Workshop, "client">,
  resource: Resource<T>,
  informer: Informer<T>,
  object: T,
  status: NonNullable<T["status"]>,
  signal: AbortSignal,
): Promise<T> {
  if (saySame(object.status, status)) return object;
  const updated = await client.updateStatus(resource, { ...object, status });
  await informer.until(updated.metadata.resourceVersion, signal);
  return updated;
}

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
}

/**
 * The conditions with this one in its place; its transition time stays while its status does. Same status and reason
 * keep the condition as it was, unless `always`.
 */
export function setCondition<C extends Condition>(conditions: C[] | undefined, next: C, always = false): C[] {
  const old = conditions?.find(({ type }) => type === next.type);
  if (old && old.status === next.status && old.reason === next.reason && !always) return conditions ?? [];
  const kept = old?.status === next.status ? { lastTransitionTime: old.lastTransitionTime } : {};
  return [...(conditions ?? []).filter(({ type }) => type !== next.type), { ...next, ...kept }];
}

export function dropCondition<C extends Condition>(conditions: C[] | undefined, type: string): C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
