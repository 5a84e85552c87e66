import { ResourceQuotas } from "@capstan/api/generated/resources";
import type { Domain, DomainQuota } from "@capstan/api/kinds/domain";
import type { World } from "./world.ts";

export const quotaName = "resource-limitation";

const names: Record<keyof DomainQuota, string> = {
  podMaxCount: "pods",
  cpu: "requests.cpu",
  memory: "requests.memory",
  storage: "requests.storage",
  gpu: "requests.nvidia.com/gpu",
  notebooks: "count/notebooks.kubeflow.org",
  models: "count/inferenceservices.serving.kserve.io",
};

/** The hard limits of a Domain's ResourceQuota; undefined when its quota names none, which leaves the object as it is. */
export function hardLimits(quota: DomainQuota): Record<string, string> | undefined {
  const limits = Object.entries(names).flatMap(([field, name]) => {
    const amount = quota[field as keyof DomainQuota];
    return amount === undefined ? [] : [[name, String(amount)]];
  });
  return limits.length === 0 ? undefined : Object.fromEntries(limits);
}

/** A missing `resourceQuota` removes the quota; one without limits leaves it unchanged. */
export async function syncQuota({ client, informers }: World, domain: Domain): Promise<void> {
  const ref = { namespace: domain.metadata.name, name: quotaName };
  const present = informers.informer(ResourceQuotas).get(ref);
  const { resourceQuota } = domain.spec;
  if (!resourceQuota) {
    if (present) await client.delete(ResourceQuotas, ref);
    return;
  }
  const hard = hardLimits(resourceQuota);
  if (!hard) return;
  if (!present) await client.create(ResourceQuotas, { metadata: ref, spec: { hard } });
  else if (JSON.stringify(sorted(present.spec.hard)) !== JSON.stringify(sorted(hard))) {
    await client.update(ResourceQuotas, { ...present, spec: { ...present.spec, hard } });
  }
}

function sorted(limits: Record<string, string> | undefined): [string, string][] {
  return Object.entries(limits ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}
