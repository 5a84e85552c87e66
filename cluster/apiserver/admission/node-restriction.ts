import type { TokenRequest } from "@capstan/api/generated/authentication-v1";
import type { Lease } from "@capstan/api/generated/coordination-v1";
import type { Node, Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { equal } from "@capstan/api/meta";
import { forbiddenObject, nodeOf } from "../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../request.ts";
import { isMirror } from "./of-pods.ts";

/** A node writes only what is its own: itself, its lease, its pods and their tokens. Source: kubernetes/plugin/pkg/admission/noderestriction. */
export function createNodeRestriction(view: View): AdmissionPlugin {
  const checks: Record<string, (attributes: Attributes, node: string) => string | undefined> = {
    "/nodes": checkNode,
    "/pods": (attributes, node) => checkPod(view, attributes, node),
    "/serviceaccounts": (attributes, node) => checkToken(view, attributes, node),
    "coordination.k8s.io/leases": checkLease,
    "storage.k8s.io/csinodes": ({ name }, node) =>
      name === node ? undefined : `can only access CSINode with the same name as itself`,
  };
  return {
    name: "NodeRestriction",
    validate: (attributes) => {
      const node = nodeOf(attributes.principal);
      if (node === undefined) return;
      const problem = checks[`${attributes.info.group}/${attributes.info.resource}`]?.(attributes, node);
      if (problem) throw forbiddenObject(attributes.info, attributes.name, `node ${JSON.stringify(node)} ${problem}`);
    },
  };
}

const restricted = "node-restriction.kubernetes.io";
/** The tenant that a node works for: a node that chose it would get the work of others. */
const tenant = "kuscia.secretflow/namespace";

function isRestricted(key: string): boolean {
  const domain = key.split("/")[0] ?? "";
  return key === tenant || domain === restricted || domain.endsWith(`.${restricted}`);
}

function checkNode({ name, operation, object, oldObject }: Attributes, node: string): string | undefined {
  if (name !== node) return `is not allowed to modify node ${JSON.stringify(name)}`;
  const [fresh, old] = [object as Node | undefined, oldObject as Node | undefined];
  const [labels = {}, before = {}] = [fresh?.metadata.labels, old?.metadata.labels];
  if (operation === "DELETE" && before[tenant])
    return `is not allowed to delete itself: it is of domain ${before[tenant]}`;
  const changed = Object.keys({ ...labels, ...before }).find((key) => isRestricted(key) && labels[key] !== before[key]);
  if (object && changed) return `is not allowed to modify labels: ${changed}`;
  if (operation !== "UPDATE" || !fresh || !old) return undefined;
  return equal(fresh.spec?.taints ?? [], old.spec?.taints ?? []) ? undefined : "is not allowed to modify taints";
}

function checkPod(
  view: View,
  { info, operation, namespace, name, object, oldObject }: Attributes,
  node: string,
): string | undefined {
  if (operation === "CREATE" && info.subresource === "") {
    const pod = object as Pod;
    if (!isMirror(pod)) return "can only create mirror pods: annotation kubernetes.io/config.mirror is missing";
    return pod.spec.nodeName === node ? undefined : "can only create pods with spec.nodeName set to itself";
  }
  const present = (oldObject as Pod | undefined) ?? view.get(Pods, { namespace, name });
  if (!present || present.spec?.nodeName === node) return undefined;
  return "can only change pods with spec.nodeName set to itself";
}

function checkToken(view: View, { info, namespace, name, object }: Attributes, node: string): string | undefined {
  if (info.subresource !== "token") return undefined;
  const ref = (object as TokenRequest | undefined)?.spec?.boundObjectRef;
  if (ref?.kind !== "Pod" || !ref.name || !ref.uid) return "can only ask for tokens bound to a pod, named with its uid";
  const pod = view.get(Pods, { namespace, name: ref.name });
  if (!pod || pod.metadata.uid !== ref.uid) return `asked for a token bound to a pod that is not there: ${ref.name}`;
  if (pod.spec.nodeName !== node) return `asked for a token bound to a pod that runs elsewhere: ${ref.name}`;
  return pod.spec.serviceAccountName === name ? undefined : "asked for a token of an account that is not the pod's";
}

function checkLease({ namespace, name, object }: Attributes, node: string): string | undefined {
  if (namespace !== "kube-node-lease") return 'can only access leases in the namespace "kube-node-lease"';
  const own = ((object as Lease | undefined)?.metadata.name ?? name) === node;
  return own ? undefined : "can only access the lease with the same name as itself";
}
