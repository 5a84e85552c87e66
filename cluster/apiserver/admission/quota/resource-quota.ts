import type { Pod, ResourceQuota } from "@capstan/api/generated/core-v1";
import { ResourceQuotas } from "@capstan/api/generated/resources";
import { formatQuantity, type KubeObject, parseQuantity, type Resource } from "@capstan/api/meta";
import { forbiddenObject } from "../../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../../request.ts";
import { containersOf } from "../of-pods.ts";
import { quotaCounts } from "./scope.ts";
import { addUsage, isBinary, type Usage, usageOf } from "./usage.ts";

/** A write on its way to the store: what it adds is taken already. */
interface Reservation {
  resource: string;
  object: KubeObject;
  added: Usage;
}

/**
 * Refuses what would exceed a quota of the namespace. Usage is counted in what is stored now and what is being stored,
 * so that writes at the same time cannot exceed it together. Source: apiserver's plugin/resourcequota.
 */
export function createResourceQuota(view: View): AdmissionPlugin {
  const reserved = new Map<string, Map<Attributes, Reservation>>();
  return {
    name: "ResourceQuota",
    validate: (attributes) => {
      const { info, operation, object, namespace } = attributes;
      const counted = (operation === "CREATE" || operation === "UPDATE") && info.subresource === "" && namespace !== "";
      if (!counted || !object || info.resource === "namespaces") return;
      const quotas = view.list(ResourceQuotas, namespace);
      if (quotas.length === 0) return;
      const added = increaseOf(attributes);
      if (Object.keys(added).length === 0) return;
      const pending = reserved.get(namespace) ?? new Map<Attributes, Reservation>();
      for (const quota of quotas) checkQuota(view, quota, attributes, added, [...pending.values()]);
      pending.set(attributes, { resource: info.resource, object, added });
      reserved.set(namespace, pending);
    },
    settled: (attributes) => {
      const pending = reserved.get(attributes.namespace);
      pending?.delete(attributes);
      if (pending?.size === 0) reserved.delete(attributes.namespace);
    },
  };
}

/** What the write takes more than before. */
function increaseOf({ info, object, oldObject }: Attributes): Usage {
  const usage = { ...(object ? usageOf(info, object) : {}) };
  if (oldObject) addUsage(usage, usageOf(info, oldObject), -1);
  return Object.fromEntries(Object.entries(usage).filter(([, amount]) => amount > 0));
}

function checkQuota(
  view: View,
  quota: ResourceQuota,
  attributes: Attributes,
  added: Usage,
  pending: Reservation[],
): void {
  const { info, name, object } = attributes;
  const spec = quota.spec ?? {};
  const hard = spec.hard ?? {};
  if (!object || !quotaCounts(spec, info, object)) return;
  if (info.resource === "pods" && info.group === "" && attributes.operation === "CREATE")
    requireAmounts(quota, attributes);
  const limited = Object.keys(added)
    .filter((key) => hard[key] !== undefined)
    .sort();
  if (limited.length === 0) return;
  const used = liveUsage(view, spec, attributes);
  for (const other of pending) {
    if (other.resource === info.resource && quotaCounts(spec, info, other.object)) addUsage(used, other.added);
  }
  const over = limited.filter((key) => (used[key] ?? 0) + (added[key] ?? 0) > parseQuantity(hard[key] ?? 0));
  if (over.length === 0) return;
  const show = (amounts: (key: string) => string) => over.map((key) => `${key}=${amounts(key)}`).join(",");
  const format = (usage: Usage) => (key: string) => formatQuantity(usage[key] ?? 0, isBinary(key));
  const text = `exceeded quota: ${quota.metadata.name}, requested: ${show(format(added))}, used: ${show(format(used))}, limited: ${show((key) => hard[key] ?? "0")}`;
  throw forbiddenObject(info, name, text);
}

const usages = new WeakMap<KubeObject, Usage>();

function liveUsage(view: View, spec: NonNullable<ResourceQuota["spec"]>, { info, namespace }: Attributes): Usage {
  const resource: Resource | undefined = view.resource(info.group, info.version, info.resource);
  const total: Usage = {};
  if (!resource) return total;
  for (const object of view.list(resource, namespace)) {
    if (!quotaCounts(spec, info, object)) continue;
    // A stored object never changes: its usage is worked out once.
    const usage = usages.get(object) ?? usageOf(info, object);
    usages.set(object, usage);
    addUsage(total, usage);
  }
  return total;
}

/** A quota of processors or memory makes sense only when every container says what it takes. */
function requireAmounts({ metadata, spec }: ResourceQuota, { info, name, object }: Attributes): void {
  const missing = Object.keys(spec?.hard ?? {})
    .sort()
    .flatMap((key) => {
      const [, field, resource] = /^(?:(requests|limits)\.)?(cpu|memory)$/.exec(key) ?? [];
      if (!resource) return [];
      const part = field === "limits" ? "limits" : "requests";
      const without = containersOf(object as Pod).filter(
        ({ resources }) => resources?.[part]?.[resource] === undefined,
      );
      return without.length > 0 ? [`${key} for: ${without.map((container) => container.name).join(",")}`] : [];
    });
  if (missing.length === 0) return;
  throw forbiddenObject(info, name, `failed quota: ${metadata.name}: must specify ${missing.join("; ")}`);
}
