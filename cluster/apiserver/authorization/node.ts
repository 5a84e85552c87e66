import type { Container, Pod } from "@capstan/api/generated/core-v1";
import type { PolicyRule } from "@capstan/api/generated/rbac-v1";
import { PersistentVolumeClaims, PersistentVolumes, Pods } from "@capstan/api/generated/resources";
import type { Principal } from "@capstan/base/http";
import type { View } from "../request.ts";
import type { Access, Authorizer } from "./access.ts";
import { defaultClusterRoles } from "./default-roles.ts";
import { ruleAllows } from "./rule.ts";

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
    ...(pod.spec.volumes ?? []).flatMap(({ secret, flexVolume }) => [secret?.secretName, flexVolume?.secretRef?.name]),
    ...projected(pod).map(({ secret }) => secret?.name),
  ],
};

/** Whether a volume behind a claim of the pod is mounted with the Secret. */
function opensVolume(view: View, { metadata, spec }: Pod, secret: { namespace: string; name: string }): boolean {
  const { namespace = "" } = metadata;
  return (spec.volumes ?? []).some(({ name: volume, persistentVolumeClaim, ephemeral }) => {
    const name = persistentVolumeClaim?.claimName ?? (ephemeral && `${metadata.name}-${volume}`);
    const bound = name && view.get(PersistentVolumeClaims, { namespace, name })?.spec?.volumeName;
    const reference = bound ? view.get(PersistentVolumes, { name: bound })?.spec?.flexVolume?.secretRef : undefined;
    return reference?.name === secret.name && (reference.namespace || namespace) === secret.namespace;
  });
}

const reading = ["get", "list", "watch"];
/** What the node agents here keep at hand, where a kubelet asks for one at a time. */
const atHand: readonly PolicyRule[] = [
  { verbs: reading, apiGroups: [""], resources: ["persistentvolumeclaims", "persistentvolumes"] },
  { verbs: reading, apiGroups: ["storage.k8s.io"], resources: ["volumeattachments"] },
];

/** What every node may do. Those of its role that are about single objects are asked for below. */
const common: readonly PolicyRule[] = (
  defaultClusterRoles.find(({ metadata }) => metadata.name === "system:node")?.rules ?? []
).map((rule) => ({ ...rule, resources: rule.resources?.filter((resource) => !references[resource]) ?? [] }));

/**
 * Lets nodes do what their role says, of the Secrets and ConfigMaps only with those that their pods refer to.
 * Source: kubernetes/plugin/pkg/auth/authorizer/node.
 */
export function createNodeAuthorizer(view: View): Authorizer {
  return (access) => {
    const node = nodeOf(access.principal);
    if (node === undefined || !access.isResource) return { allowed: false };
    if ([...common, ...atHand].some((rule) => ruleAllows(rule, access))) return { allowed: true };
    const refer = access.group === "" && access.subresource === "" ? references[access.resource] : undefined;
    if (!refer || !reading.includes(access.verb)) return { allowed: false };
    if (access.name === "") return { allowed: false, reason: "a node reads these only one by one, by their name" };
    const { namespace, name, resource } = access;
    const allowed = podsOn(view, node).some(
      (pod) =>
        (pod.metadata.namespace === namespace && refer(pod).includes(name)) ||
        (resource === "secrets" && opensVolume(view, pod, { namespace, name })),
    );
    const reason = `no relationship found between node ${JSON.stringify(node)} and this object`;
    return allowed ? { allowed } : { allowed, reason };
  };
}

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
