// The roles and bindings that every cluster has. Source: kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy.
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "@capstan/api/generated/rbac-v1";
import { authenticated, masters, serviceAccounts, unauthenticated } from "../authentication/index.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";
const apiGroup = "rbac.authorization.k8s.io";
const read = ["get", "list", "watch"];
const write = ["create", "delete", "deletecollection", "patch", "update"];

/** @param groups, resources, verbs separated by spaces; `-` is the core group. */
function rule(groups: string, resources: string, verbs: string | string[], names?: string[]): PolicyRule {
  const list = (text: string) => text.split(" ");
  const base: PolicyRule = {
    verbs: typeof verbs === "string" ? list(verbs) : verbs,
    apiGroups: list(groups).map((group) => (group === "-" ? "" : group)),
    resources: list(resources),
  };
  return names ? { ...base, resourceNames: names } : base;
}
const urls = (verbs: string, ...nonResourceURLs: string[]): PolicyRule => ({
  verbs: verbs.split(" "),
  nonResourceURLs,
});

const metadata = (name: string, labels: Record<string, string> = {}) => ({
  name,
  labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
  // Missing rules come back at the next start, unless somebody sets this to false.
  annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
});

function role(name: string, rules: PolicyRule[], labels?: Record<string, string>): ClusterRole {
  return { apiVersion, kind: "ClusterRole", metadata: metadata(name, labels), rules };
}
const into = (target: string, ...more: string[]) =>
  Object.fromEntries([target, ...more].map((name) => [`rbac.authorization.k8s.io/aggregate-to-${name}`, "true"]));
function aggregate(name: string, labels?: Record<string, string>): ClusterRole {
  const clusterRoleSelectors = [{ matchLabels: into(name) }];
  return { ...role(name, [], labels), aggregationRule: { clusterRoleSelectors } };
}

const workloads = "deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale";
const core =
  "configmaps endpoints persistentvolumeclaims pods replicationcontrollers replicationcontrollers/scale services";

const userRoles: ClusterRole[] = [
  role("cluster-admin", [rule("*", "*", "*"), urls("*", "*")]),
  aggregate("admin"),
  aggregate("edit", into("admin")),
  aggregate("view", into("edit")),
  role(
    "system:aggregate-to-admin",
    [
      rule("authorization.k8s.io", "localsubjectaccessreviews", "create"),
      rule(apiGroup, "rolebindings roles", [...write, ...read]),
    ],
    into("admin"),
  ),
  role(
    "system:aggregate-to-edit",
    [
      rule("-", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", read),
      rule("-", "serviceaccounts", "impersonate"),
      rule(
        "-",
        `${core} pods/attach pods/exec pods/portforward pods/proxy secrets serviceaccounts services/proxy`,
        write,
      ),
      rule("-", "pods/eviction serviceaccounts/token", "create"),
      rule("-", "events", write),
      rule("apps", `daemonsets ${workloads} deployments/rollback`, write),
      rule("autoscaling", "horizontalpodautoscalers", write),
      rule("batch", "cronjobs jobs", write),
      rule("policy", "poddisruptionbudgets", write),
      rule("networking.k8s.io", "ingresses networkpolicies", write),
      rule("coordination.k8s.io", "leases", [...write, ...read]),
    ],
    into("edit"),
  ),
  role("system:aggregated-metrics-reader", [rule("metrics.k8s.io", "nodes pods", read)], into("view", "edit", "admin")),
  role(
    "system:aggregate-to-view",
    [
      rule("-", `${core} persistentvolumeclaims/status pods/status serviceaccounts services/status`, read),
      rule(
        "-",
        "bindings events limitranges namespaces namespaces/status pods/log resourcequotas resourcequotas/status",
        read,
      ),
      rule(
        "apps",
        `controllerrevisions daemonsets daemonsets/status ${workloads} deployments/status replicasets/status statefulsets/status`,
        read,
      ),
      rule("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", read),
      rule("batch", "cronjobs cronjobs/status jobs jobs/status", read),
      rule("policy", "poddisruptionbudgets poddisruptionbudgets/status", read),
      rule("networking.k8s.io", "ingresses ingresses/status networkpolicies", read),
      rule("discovery.k8s.io", "endpointslices", read),
    ],
    into("view"),
  ),
];

const everybody: ClusterRole[] = [
  role("system:basic-user", [
    rule("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", "create"),
    rule("authentication.k8s.io", "selfsubjectreviews", "create"),
  ]),
  role("system:discovery", [
    urls(
      "get",
      "/api",
      "/api/*",
      "/apis",
      "/apis/*",
      "/healthz",
      "/livez",
      "/openapi",
      "/openapi/*",
      "/readyz",
      "/version",
      "/version/",
    ),
  ]),
  role("system:public-info-viewer", [urls("get", "/healthz", "/livez", "/readyz", "/version", "/version/")]),
  role("system:service-account-issuer-discovery", [
    urls("get", "/.well-known/openid-configuration", "/openid/v1/jwks"),
  ]),
  role("system:monitoring", [
    urls("get", "/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"),
  ]),
];

const events = rule("- events.k8s.io", "events", "create patch update");
const leases = rule("coordination.k8s.io", "leases", "create get list update patch watch");
const reviews = [
  rule("authentication.k8s.io", "tokenreviews", "create"),
  rule("authorization.k8s.io", "subjectaccessreviews", "create"),
];

const parts: ClusterRole[] = [
  role("system:auth-delegator", reviews),
  role("system:kubelet-api-admin", [
    rule("-", "nodes", [...read, "proxy"]),
    rule("-", "nodes/log nodes/metrics nodes/proxy nodes/stats", "*"),
  ]),
  // Not here: Secrets and ConfigMaps. The node authorizer lets a node read those that its pods refer to.
  role("system:node", [
    ...reviews,
    events,
    rule("coordination.k8s.io", "leases", "create delete get patch update"),
    rule("-", "services", read),
    rule("-", "nodes", "create get list watch patch update"),
    rule("-", "nodes/status", "patch update"),
    rule("-", "pods", "get list watch create delete"),
    rule("-", "pods/status", "patch update"),
    rule("-", "pods/eviction serviceaccounts/token", "create"),
    rule("-", "persistentvolumeclaims persistentvolumes", read),
    rule("-", "persistentvolumeclaims/status", "get patch update"),
    rule("certificates.k8s.io", "certificatesigningrequests", "create get list watch"),
    rule("storage.k8s.io", "csidrivers volumeattachments", read),
    rule("storage.k8s.io", "csinodes", "create delete get patch update"),
    rule("node.k8s.io", "runtimeclasses", read),
  ]),
  role("system:node-bootstrapper", [
    rule("certificates.k8s.io", "certificatesigningrequests", "create get list watch"),
  ]),
  role("system:certificates.k8s.io:certificatesigningrequests:nodeclient", [
    rule("certificates.k8s.io", "certificatesigningrequests/nodeclient", "create"),
  ]),
  role("system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", [
    rule("certificates.k8s.io", "certificatesigningrequests/selfnodeclient", "create"),
  ]),
  role("system:node-proxier", [
    events,
    rule("-", "endpoints services", "list watch"),
    rule("-", "nodes", read),
    rule("discovery.k8s.io", "endpointslices", "list watch"),
  ]),
  role("system:kube-scheduler", [
    events,
    leases,
    ...reviews,
    rule("-", "nodes namespaces replicationcontrollers services persistentvolumes", read),
    rule("-", "pods", "delete get list watch"),
    rule("-", "bindings pods/binding", "create"),
    rule("-", "pods/status", "patch update"),
    rule("-", "persistentvolumeclaims", [...read, "update", "patch"]),
    rule("apps", "replicasets statefulsets", read),
    rule("policy", "poddisruptionbudgets", read),
    rule("storage.k8s.io", "*", read),
  ]),
  // Controllers run in one process here and share its account: they read all kinds, custom ones too, to collect garbage.
  role("system:kube-controller-manager", [
    leases,
    events,
    ...reviews,
    rule("*", "*", [...read, "create", "delete", "deletecollection", "patch", "update"]),
    urls("get", "/api", "/api/*", "/apis", "/apis/*"),
  ]),
];

export const defaultClusterRoles: readonly ClusterRole[] = [...userRoles, ...everybody, ...parts];

const group = (name: string): Subject => ({ kind: "Group", apiGroup, name });
const user = (name: string): Subject => ({ kind: "User", apiGroup, name });
function bind(name: string, subjects: Subject[], to = name): ClusterRoleBinding {
  const roleRef = { apiGroup, kind: "ClusterRole", name: to };
  return { apiVersion, kind: "ClusterRoleBinding", metadata: metadata(name), subjects, roleRef };
}

export const defaultClusterRoleBindings: readonly ClusterRoleBinding[] = [
  bind("cluster-admin", [group(masters)]),
  bind("system:basic-user", [group(authenticated)]),
  bind("system:discovery", [group(authenticated)]),
  bind("system:public-info-viewer", [group(authenticated), group(unauthenticated)]),
  bind("system:service-account-issuer-discovery", [group(serviceAccounts)]),
  bind("system:monitoring", [group("system:monitoring")]),
  bind("system:node", [group("system:nodes")]),
  bind("system:node-proxier", [user("system:kube-proxy")]),
  bind("system:kube-scheduler", [user("system:kube-scheduler")]),
  bind("system:kube-controller-manager", [user("system:kube-controller-manager")]),
];

const within = (namespace: string, name: string) => ({ ...metadata(name), namespace });

/** Every account may read the cluster's authority and how to authenticate. */
export const defaultRoles: readonly Role[] = [
  {
    apiVersion,
    kind: "Role",
    metadata: within("kube-system", "extension-apiserver-authentication-reader"),
    rules: [rule("-", "configmaps", read, ["extension-apiserver-authentication"])],
  },
  {
    apiVersion,
    kind: "Role",
    metadata: within("kube-system", "system::leader-locking-kube-controller-manager"),
    rules: [rule("coordination.k8s.io", "leases", "get watch update", ["kube-controller-manager"])],
  },
];

export const defaultRoleBindings: readonly RoleBinding[] = [
  {
    apiVersion,
    kind: "RoleBinding",
    metadata: within("kube-system", "system::leader-locking-kube-controller-manager"),
    subjects: [user("system:kube-controller-manager")],
    roleRef: { apiGroup, kind: "Role", name: "system::leader-locking-kube-controller-manager" },
  },
];
