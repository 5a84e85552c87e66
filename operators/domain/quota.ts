import type { DomainQuota } from "@capstan/api/kinds/domain";

export const quotaName = "resource-limitation";

/** The hard limits of a Domain's ResourceQuota; undefined when its quota names none, which leaves the object as it is. */
export function hardLimits(quota: DomainQuota): Record<string, string> | undefined {
  const hard: Record<string, string> = {};
  if (quota.podMaxCount !== undefined) hard.pods = String(quota.podMaxCount);
  if (quota.cpu !== undefined) hard["requests.cpu"] = String(quota.cpu);
  if (quota.memory !== undefined) hard["requests.memory"] = String(quota.memory);
  if (quota.storage !== undefined) hard["requests.storage"] = String(quota.storage);
  return Object.keys(hard).length === 0 ? undefined : hard;
}
