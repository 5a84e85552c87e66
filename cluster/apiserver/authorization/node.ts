import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import type { Principal } from "@capstan/base/http";
import type { View } from "../request.ts";
import type { Access, Authorizer } from "./access.ts";

const prefix = "system:node:";

/** The node that a caller is, by its certificate; undefined for everybody else. Source: kubernetes/pkg/auth/nodeidentifier. */
export function nodeOf({ name, groups }: Principal): string | undefined {
  return groups.includes("system:nodes") && name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

/** Pods of a node by its name; each version of the list is indexed once. */
const indexes = new WeakMap<readonly Pod[], Map<string, Pod[]>>();

function podsOn(view: View, node: string): Pod[] {
  const pods = view.list(Pods);
  let index = indexes.get(pods);
  if (!index) {
    index = Map.groupBy(pods, ({ spec }) => spec.nodeName ?? "");
    indexes.set(pods, index);
  }
  return index.get(node) ?? [];
}

/**
 * Lets nodes read the Secrets, ConfigMaps and claims that their pods refer to, and no others.
 * Source: kubernetes/plugin/pkg/auth/authorizer/node.
 */
export function createNodeAuthorizer(view: View): Authorizer {
  const reading = new Set(["get", "list", "watch"]);
  return (access) => {
    const node = nodeOf(access.principal);
    if (node === undefined || !access.isResource || access.group !== "" || access.subresource !== "")
      return { allowed: false };
    const refer = references[access.resource];
    if (!refer || !reading.has(access.verb)) return { allowed: false };
    if (access.name === "") return { allowed: false, reason: "a node reads these only one by one, by their name" };
    const allowed = podsOn(view, node).some(
      (pod) => pod.metadata.namespace === access.namespace && refer(pod).includes(access.name),
    );
    const reason = `no relationship found between node ${JSON.stringify(node)} and this object`;
    return allowed ? { allowed } : { allowed, reason };
  };
}

type Refer = (pod: Pod) => (string | undefined)[];
const containers = ({ spec }: Pod): Pick<Container, "env" | "envFrom">[] => [
  ...(spec.initContainers ?? []),
  ...(spec.containers ?? []),
  ...(spec.ephemeralContainers ?? []),
];
const projected = ({ spec }: Pod) => (spec.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? []);

/** The names that a pod's specification refers to, by resource. */
const references: Record<Access["resource"], Refer | undefined> = {
  configmaps: (pod) => [
    ...containers(pod).flatMap(({ env = [], envFrom = [] }) => [
      ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
      ...envFrom.map(({ configMapRef }) => configMapRef?.name),
    ]),
    ...(pod.spec.volumes ?? []).map(({ configMap }) => configMap?.name),
    ...projected(pod).map(({ configMap }) => configMap?.name),
  ],
  secrets: (pod) => [
    ...(pod.spec.imagePullSecrets ?? []).map(({ name }) => name),
    ...containers(pod).flatMap(({ env = [], envFrom = [] }) => [
      ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
      ...envFrom.map(({ secretRef }) => secretRef?.name),
    ]),
    ...(pod.spec.volumes ?? []).map(({ secret }) => secret?.secretName),
    ...projected(pod).map(({ secret }) => secret?.name),
  ],
};

/** Yes from the first that says yes; the reasons of those that do not. */
export function anyOf(...authorizers: Authorizer[]): Authorizer {
  return (access) => {
    const reasons: string[] = [];
    for (const authorize of authorizers) {
      const { allowed, reason } = authorize(access);
      if (allowed) return { allowed, reason };
      if (reason) reasons.push(reason);
    }
    return reasons.length > 0 ? { allowed: false, reason: reasons.join(", ") } : { allowed: false };
  };
}
