import type { Namespace, ResourceQuota } from "@capstan/api/generated/core-v1";
import type { Domain } from "@capstan/api/kinds/domain";
import { isQuantity, parseQuantity } from "@capstan/api/meta";
import type { Tone } from "../../ui/phase.tsx";

/** Says on a namespace that its domain was deleted. Source: secretflow/kuscia pkg/common. */
const deletedLabel = "kuscia.secretflow/deleted";
/** The ResourceQuota that the domain operator keeps. */
const quotaName = "resource-limitation";

export interface Limit {
  resource: "pods" | "cpu" | "memory";
  used: number;
  hard: number | undefined;
  unit: "plain" | "bytes";
}

/** What the domain's quota counts: the pods always, the rest where it is limited. */
export function limitsOf(quota: ResourceQuota | undefined): Limit[] {
  const { hard = {}, used = {} } = quota?.status ?? {};
  const limits = { ...quota?.spec?.hard, ...hard };
  const read = (name: string): number | undefined => {
    const text = limits[name];
    return text !== undefined && isQuantity(text) ? parseQuantity(text) : undefined;
  };
  const usage = (name: string) => (isQuantity(String(used[name] ?? "0")) ? parseQuantity(used[name] ?? "0") : 0);
  return [
    { resource: "pods", used: usage("pods"), hard: read("pods"), unit: "plain" },
    { resource: "cpu", used: usage("requests.cpu"), hard: read("requests.cpu"), unit: "plain" },
    { resource: "memory", used: usage("requests.memory"), hard: read("requests.memory"), unit: "bytes" },
  ];
}

export function quotaOf(domain: Domain, quotas: ResourceQuota[]): ResourceQuota | undefined {
  return quotas.find(({ metadata }) => metadata.namespace === domain.metadata.name && metadata.name === quotaName);
}

export function namespaceState(namespace: Namespace | undefined): { word: string; tone: Tone } {
  if (!namespace) return { word: "Pending", tone: "busy" };
  if (namespace.metadata.labels?.[deletedLabel] === "true") return { word: "Deleted", tone: "warn" };
  const phase = namespace.status?.phase ?? "Active";
  return { word: phase, tone: phase === "Active" ? "good" : "warn" };
}
