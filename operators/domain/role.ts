import type { PolicyRule } from "@capstan/api/generated/rbac-v1";

const all = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/** What a member of a Domain may do, all of it inside the Domain's namespace. */
export const memberRules: PolicyRule[] = [
  {
    apiGroups: [""],
    resources: ["pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "serviceaccounts"],
    verbs: all,
  },
  { apiGroups: [""], resources: ["pods/exec", "pods/attach", "pods/portforward"], verbs: ["create", "get"] },
  { apiGroups: [""], resources: ["pods/log", "events", "resourcequotas"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["apps", "batch"], resources: ["*"], verbs: all },
  { apiGroups: ["argoproj.io", "kubeflow.org", "serving.kserve.io", "capstan.dev"], resources: ["*"], verbs: all },
  { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes"], verbs: all },
];
