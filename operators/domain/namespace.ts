import type { Namespace } from "@capstan/api/generated/core-v1";
import { Namespaces } from "@capstan/api/generated/resources";
import type { Domain } from "@capstan/api/kinds/domain";
import { deletedLabel, domainLabel, protocolsLabel, roleLabel } from "./labels.ts";
import type { World } from "./world.ts";

/** The labels that a live Domain gives its namespace; an absent role or protocol has no label. */
export function labelsOf(domain: Domain): Record<string, string> {
  const { role, interConnProtocols } = domain.spec;
  const protocol = interConnProtocols?.[0];
  return {
    [domainLabel]: domain.metadata.name,
    ...(role ? { [roleLabel]: role } : {}),
    ...(protocol ? { [protocolsLabel]: protocol } : {}),
  };
}

/** The namespace's labels as they must become, or undefined when they already are: other owners' labels stay. */
export function syncedLabels(namespace: Namespace, domain: Domain): Record<string, string> | undefined {
  const present = namespace.metadata.labels ?? {};
  const ours = new Set([domainLabel, roleLabel, protocolsLabel, deletedLabel]);
  const others = Object.entries(present).filter(([key]) => !ours.has(key));
  const wanted = { ...Object.fromEntries(others), ...labelsOf(domain) };
  return sameEntries(present, wanted) ? undefined : wanted;
}

export function sameEntries(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/** Why the namespace of a Domain's name is not the Domain's; undefined when it is, or is not there yet. */
export function foreignness(namespace: Namespace | undefined, domain: string): string | undefined {
  if (!namespace || namespace.metadata.labels?.[domainLabel] === domain) return undefined;
  const adopt = `kubectl label namespace ${domain} ${domainLabel}=${domain}`;
  return `the namespace "${domain}" is there already and is no Domain's; choose another name, or hand it over: ${adopt}`;
}

export async function syncNamespace({ client, informers }: World, domain: Domain): Promise<void> {
  const { name } = domain.metadata;
  const namespace = informers.informer(Namespaces).get({ name });
  if (!namespace) {
    await client.create(Namespaces, { metadata: { name, labels: labelsOf(domain) }, spec: {} });
    return;
  }
  const labels = syncedLabels(namespace, domain);
  if (labels) await client.update(Namespaces, { ...namespace, metadata: { ...namespace.metadata, labels } });
}

/** Nothing in the namespace of a deleted Domain is removed. @returns whether it was marked now */
export async function markDeleted({ client, informers }: World, name: string): Promise<boolean> {
  const namespace = informers.informer(Namespaces).get({ name });
  if (namespace?.metadata.labels?.[domainLabel] !== name || namespace.metadata.deletionTimestamp) return false;
  if (namespace.metadata.labels[deletedLabel] === "true") return false;
  const body = { metadata: { labels: { [deletedLabel]: "true" } } };
  await client.patch(Namespaces, { name }, { type: "merge", body });
  return true;
}
