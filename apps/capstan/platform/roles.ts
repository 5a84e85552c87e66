// What the built-in roles admin, edit and view say of the platform's own kinds: added to them by aggregation.
import type { ClusterRole, ClusterRoleBinding } from "@capstan/api/generated/rbac-v1";
import type { New } from "@capstan/api/meta";

const groups = [
  "argoproj.io",
  "serving.kserve.io",
  "capstan.dev",
  "records.capstan.dev",
  "gateway.networking.k8s.io",
  "scheduling.x-k8s.io",
  "scheduling.volcano.sh",
];
const read = ["get", "list", "watch"];
const write = ["create", "update", "patch", "delete", "deletecollection"];

function aggregated(name: string, into: string[], verbs: string[]): New<ClusterRole> {
  const labels = Object.fromEntries(into.map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, "true"]));
  return { metadata: { name, labels }, rules: [{ apiGroups: groups, resources: ["*"], verbs }] };
}

export const platformRoles: New<ClusterRole>[] = [
  aggregated("capstan-view", ["view", "edit", "admin"], read),
  aggregated("capstan-edit", ["edit", "admin"], write),
];

const csr = "system:certificates.k8s.io:certificatesigningrequests";
const requests = (subresource: string) => [
  { apiGroups: ["certificates.k8s.io"], resources: [`certificatesigningrequests/${subresource}`], verbs: ["create"] },
];

/** For the server certificates of nodes, which Kubernetes itself has no role for. */
export const nodeRoles: New<ClusterRole>[] = [
  { metadata: { name: `${csr}:selfnodeserver` }, rules: requests("selfnodeserver") },
];

function bound(name: string, role: string, group: string): New<ClusterRoleBinding> {
  const apiGroup = "rbac.authorization.k8s.io";
  const subjects = [{ kind: "Group", apiGroup, name: group }];
  return { metadata: { name }, roleRef: { apiGroup, kind: "ClusterRole", name: role }, subjects };
}

/** Nodes join with a token and renew their certificates without a person's look. Names as kubeadm's. */
export const nodeBindings: New<ClusterRoleBinding>[] = [
  bound("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", "system:bootstrappers"),
  bound("kubeadm:node-autoapprove-bootstrap", `${csr}:nodeclient`, "system:bootstrappers"),
  bound("kubeadm:node-autoapprove-certificate-rotation", `${csr}:selfnodeclient`, "system:nodes"),
  bound("kubeadm:node-autoapprove-certificate-server", `${csr}:selfnodeserver`, "system:nodes"),
];
