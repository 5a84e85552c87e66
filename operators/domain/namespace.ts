import type { Namespace } from "@capstan/api/generated/core-v1";
import type { Domain } from "@capstan/api/kinds/domain";
import { deletedLabel, domainLabel, protocolsLabel, roleLabel } from "./labels.ts";

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
