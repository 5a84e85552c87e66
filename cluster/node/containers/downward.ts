// What a container may learn of its own pod: fieldRef and resourceFieldRef.
import type { Container, ObjectFieldSelector, Pod, ResourceFieldSelector } from "@capstan/api/generated/core-v1";
import { parseQuantity } from "@capstan/api/meta";

/** What the pod's status will say, before it does. */
export interface PodAddresses {
  podIP: string;
  hostIP: string;
}

/** Throws for a path that there is no value for: the container cannot be configured. */
export function fieldValue(pod: Pod, { podIP, hostIP }: PodAddresses, selector: ObjectFieldSelector): string {
  const { fieldPath } = selector;
  const { metadata, spec } = pod;
  const [, map, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath) ?? [];
  if (map && key) return metadata[map as "labels" | "annotations"]?.[key] ?? "";
  switch (fieldPath) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "metadata.labels":
      return formatMap(metadata.labels);
    case "metadata.annotations":
      return formatMap(metadata.annotations);
    case "spec.nodeName":
      return spec?.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec?.serviceAccountName ?? "";
    case "status.hostIP":
    case "status.hostIPs":
      return hostIP;
    case "status.podIP":
    case "status.podIPs":
      return podIP;
    default:
      throw new Error(`unsupported fieldPath: ${fieldPath}`);
  }
}

/** `key="value"` lines, sorted. Source: k8s.io/kubernetes pkg/fieldpath FormatMap. */
function formatMap(map: Record<string, string> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join("\n");
}

export interface Allocatable {
  /** Cores. */
  cpu: number;
  /** Bytes. */
  memory: number;
}

/** A container's request or limit, in units of the divisor, rounded up; a limit that is not set is the node's. */
export function resourceValue(
  pod: Pod,
  container: Container,
  selector: ResourceFieldSelector,
  allocatable: Allocatable,
): string {
  const { containerName, resource, divisor } = selector;
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const of = containerName ? all.find(({ name }) => name === containerName) : container;
  if (!of) throw new Error(`container ${containerName} not found`);
  const [kind = "", ...rest] = resource.split(".");
  const name = rest.join(".");
  const list = kind === "limits" ? of.resources?.limits : of.resources?.requests;
  if (kind !== "limits" && kind !== "requests") throw new Error(`unsupported container resource : ${resource}`);
  const set = list?.[name];
  const absent = kind === "limits" && (name === "cpu" || name === "memory") ? allocatable[name] : 0;
  const value = set === undefined ? absent : parseQuantity(set);
  const unit = divisor === undefined || String(divisor) === "0" ? 1 : parseQuantity(divisor);
  return String(Math.ceil(value / unit - 1e-9));
}
