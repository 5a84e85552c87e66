// The roles and bindings that every cluster has, as a kube-apiserver 1.34 makes them: default-roles.json holds the facts.
// Source: kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy.
import type {
  AggregationRule,
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "@capstan/api/generated/rbac-v1";
import facts from "./default-roles.json" with { type: "json" };

const apiVersion = "rbac.authorization.k8s.io/v1";
const apiGroup = "rbac.authorization.k8s.io";

interface Fact {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  rules?: PolicyRule[];
  aggregationRule?: AggregationRule;
  role?: { kind: string; name: string };
  subjects?: Subject[];
}

const metadata = ({ name, namespace, labels }: Fact) => ({
  name,
  ...(namespace ? { namespace } : {}),
  labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
  // Missing rules come back at the next start, unless somebody sets this to false.
  annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
});

function bindingOf(fact: Fact) {
  const { role = { kind: "", name: "" }, subjects } = fact;
  return { apiVersion, metadata: metadata(fact), roleRef: { apiGroup, ...role }, ...(subjects ? { subjects } : {}) };
}

const known = facts as unknown as Record<keyof typeof facts, readonly Fact[]>;

export const defaultClusterRoles: readonly ClusterRole[] = known.clusterRoles.map((fact) => ({
  apiVersion,
  kind: "ClusterRole",
  metadata: metadata(fact),
  rules: fact.rules ?? [],
  ...(fact.aggregationRule ? { aggregationRule: fact.aggregationRule } : {}),
}));

export const defaultClusterRoleBindings: readonly ClusterRoleBinding[] = known.clusterRoleBindings.map((fact) => ({
  kind: "ClusterRoleBinding",
  ...bindingOf(fact),
}));

export const defaultRoles: readonly Role[] = known.roles.map((fact) => ({
  apiVersion,
  kind: "Role",
  metadata: metadata(fact),
  rules: fact.rules ?? [],
}));

export const defaultRoleBindings: readonly RoleBinding[] = known.roleBindings.map((fact) => ({
  kind: "RoleBinding",
  ...bindingOf(fact),
}));
