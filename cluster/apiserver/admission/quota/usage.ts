import type { PersistentVolumeClaim, Pod, Service } from "@capstan/api/generated/core-v1";
import { type KubeObject, parseQuantity, type Resource } from "@capstan/api/meta";
import { podAmounts } from "../pod-resources.ts";

/** Quota names such as `pods`, `limits.cpu`, `count/jobs.batch`, each with an amount in base units. */
export type Usage = Record<string, number>;

/** Kinds that quotas also name without `count/`. Source: kubernetes/pkg/quota/v1/evaluator/core. */
const named = new Set([
  "pods",
  "services",
  "persistentvolumeclaims",
  "secrets",
  "configmaps",
  "replicationcontrollers",
  "resourcequotas",
]);

/** What one object takes from a quota. Source: the evaluators of kubernetes/pkg/quota/v1. */
export function usageOf(of: Pick<Resource, "group" | "resource">, object: KubeObject): Usage {
  const { group, resource } = of;
  const count: Usage = { [`count/${resource}${group ? `.${group}` : ""}`]: 1 };
  if (group !== "" || !named.has(resource)) return count;
  if (resource === "pods") return { ...count, ...podUsage(object as Pod) };
  const usage: Usage = { ...count, [resource]: 1 };
  if (resource === "services") Object.assign(usage, serviceUsage(object as Service));
  if (resource === "persistentvolumeclaims") Object.assign(usage, claimUsage(object as PersistentVolumeClaim));
  return usage;
}

function podUsage(pod: Pod): Usage {
  // What has ended holds nothing but its place.
  if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return {};
  const usage: Usage = { pods: 1 };
  for (const [name, amount] of Object.entries(podAmounts(pod, "requests"))) {
    usage[`requests.${name}`] = amount;
    if (name === "cpu" || name === "memory" || name === "ephemeral-storage") usage[name] = amount;
  }
  for (const [name, amount] of Object.entries(podAmounts(pod, "limits"))) usage[`limits.${name}`] = amount;
  return usage;
}

function serviceUsage({ spec }: Service): Usage {
  const { type, ports = [], allocateLoadBalancerNodePorts } = spec;
  const usage: Usage = {};
  if (type === "LoadBalancer") usage["services.loadbalancers"] = 1;
  const allocates = type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false);
  if (allocates) usage["services.nodeports"] = ports.length;
  return usage;
}

function claimUsage({ spec }: PersistentVolumeClaim): Usage {
  const storage = parseQuantity(spec.resources?.requests?.storage ?? 0);
  const usage: Usage = { "requests.storage": storage };
  if (spec.storageClassName) {
    const prefix = `${spec.storageClassName}.storageclass.storage.k8s.io`;
    usage[`${prefix}/requests.storage`] = storage;
    usage[`${prefix}/persistentvolumeclaims`] = 1;
  }
  return usage;
}

/** Adds amounts in place. @param factor -1 takes them off. */
export function addUsage(to: Usage, usage: Usage, factor = 1): void {
  for (const [name, amount] of Object.entries(usage)) to[name] = (to[name] ?? 0) + factor * amount;
}

/** Amounts a quota counts in memory's or storage's units are shown in binary form. */
export const isBinary = (name: string): boolean => /memory|storage|hugepages/.test(name);
