// What the built-in roles admin, edit and view say of the platform's own kinds: added to them by aggregation.
import type { ClusterRole } from "@capstan/api/generated/rbac-v1";
import type { New } from "@capstan/api/meta";

const groups = [
  "argoproj.io",
  "serving.kserve.io",
  "capstan.dev",
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
