import type { Kind, SubresourceFact } from "../kind.ts";

// How discovery tells of a subresource. Source: upstream's registry/<group>/rest.
const readWrite = ["get", "patch", "update"];
const stream = ["create", "get"];
const everything = ["create", "delete", "get", "patch", "update"];
const core = (kind: string) => ({ group: "", version: "v1", kind });

const special: Record<string, SubresourceFact> = {
  scale: { verbs: readWrite, kind: { group: "autoscaling", version: "v1", kind: "Scale" } },
  "pods/eviction": { verbs: ["create"], kind: { group: "policy", version: "v1", kind: "Eviction" } },
  "pods/binding": { verbs: ["create"], kind: core("Binding") },
  "pods/exec": { verbs: stream, kind: core("PodExecOptions") },
  "pods/attach": { verbs: stream, kind: core("PodAttachOptions") },
  "pods/portforward": { verbs: stream, kind: core("PodPortForwardOptions") },
  "pods/log": { verbs: ["get"], kind: core("Pod") },
  "pods/proxy": { verbs: everything, kind: core("PodProxyOptions") },
  "services/proxy": { verbs: everything, kind: core("ServiceProxyOptions") },
  "nodes/proxy": { verbs: everything, kind: core("NodeProxyOptions") },
  "namespaces/finalize": { verbs: ["update"], kind: core("Namespace") },
  "serviceaccounts/token": {
    verbs: ["create"],
    kind: { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" },
  },
};

export function subresourceFact(kind: Kind, subresource: string): SubresourceFact {
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  return (
    kind.subresourceFacts?.[subresource] ??
    special[subresource] ??
    special[`${kind.resource}/${subresource}`] ?? { verbs: readWrite, kind: own }
  );
}
