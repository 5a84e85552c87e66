import type { Kind } from "../kind.ts";
import type { Registry } from "../registry.ts";

export interface GroupVersion {
  version: string;
  kinds: Kind[];
}
export interface Group {
  name: string;
  /** The preferred one first. */
  versions: GroupVersion[];
}

/** Where built-in groups stand in discovery, which decides what a bare name such as `deployments` or `events` means. */
const order = [
  "",
  "apiregistration.k8s.io",
  "apps",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "networking.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "scheduling.k8s.io",
  "coordination.k8s.io",
  "node.k8s.io",
  "discovery.k8s.io",
  "resource.k8s.io",
  "flowcontrol.apiserver.k8s.io",
];
const rankOf = (group: string) => (order.indexOf(group) + order.length + 1) % (order.length + 1);

/** v2 before v1 before v1beta2 before v1beta1 before v1alpha1, others after, by name. Source: apimachinery's version.CompareKubeAwareVersionStrings. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [parseVersion(a), parseVersion(b)];
  if (!x || !y) return x ? -1 : y ? 1 : a.localeCompare(b);
  for (const [i, part] of x.entries()) if (part !== y[i]) return (y[i] ?? 0) - part;
  return 0;
}

function parseVersion(version: string): number[] | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return undefined;
  const [, major, stage, minor] = match;
  return [stage === undefined ? 2 : stage === "beta" ? 1 : 0, Number(major), Number(minor ?? 0)];
}

/** All served kinds by group and version. */
export function groupsOf(registry: Registry): Group[] {
  const groups = new Map<string, Map<string, Kind[]>>();
  for (const kind of registry.discovered()) {
    const versions = groups.get(kind.group) ?? new Map<string, Kind[]>();
    groups.set(kind.group, versions);
    versions.set(kind.version, [...(versions.get(kind.version) ?? []), kind]);
  }
  const sorted = [...groups].sort(([a], [b]) => rankOf(a) - rankOf(b) || a.localeCompare(b));
  return sorted.map(([name, versions]) => ({
    name,
    versions: [...versions]
      .sort(([a], [b]) => compareVersions(a, b))
      .map(([version, kinds]) => ({ version, kinds: kinds.sort((a, b) => a.resource.localeCompare(b.resource)) })),
  }));
}
