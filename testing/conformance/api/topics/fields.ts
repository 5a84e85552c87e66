// More of what is wrong with objects: fields that exclude, need or bound each other.
import type { Scenarios } from "../recording.ts";
import { scenarioOf } from "./validation.ts";

const container = { name: "c", image: "i:1" };
const containers = [container];
const labels = { app: "a" };
const selector = { matchLabels: labels };
const template = { metadata: { labels }, spec: { containers } };
const brief = { ...template, spec: { ...template.spec, activeDeadlineSeconds: 4 } };
const jobTemplate = { spec: { containers, restartPolicy: "Never" } };
const target = { apiVersion: "apps/v1", kind: "Deployment", name: "a" };
const service = { name: "s", port: { number: 80 } };
const capacity = { storage: "1Gi" };
const accessModes = ["ReadWriteOnce"];
const resources = { requests: { storage: "1Gi" } };
const hostPath = { path: "/x" };
const rbac = "rbac.authorization.k8s.io";

const pod = (spec: object) => ({ spec: { containers, ...spec } });
const set = (spec: object) => ({ spec: { selector, template, ...spec } });
const job = (spec: object) => ({ spec: { template: jobTemplate, ...spec } });
const volume = (spec: object) => ({ spec: { capacity, accessModes, ...spec } });
const metric = (one: object) => ({ spec: { maxReplicas: 3, scaleTargetRef: target, metrics: [one] } });
const path = (one: object) => ({ spec: { rules: [{ http: { paths: [one] } }] } });
const limit = (...limits: object[]) => ({ spec: { limits } });

const wrong: Record<string, object[]> = {
  "/api/v1/pods": [
    pod({ containers: [{ ...container, ports: [{ containerPort: 80, hostPort: 81 }] }], hostNetwork: true }),
    pod({ securityContext: { runAsUser: -1, runAsGroup: -2, fsGroup: -3, supplementalGroups: [-4] } }),
    pod({ schedulingGates: [{ name: "a" }], nodeName: "x" }),
    pod({ readinessGates: [{ conditionType: "a b" }] }),
    pod({ os: { name: "x" } }),
    pod({ os: {} }),
    pod({ preemptionPolicy: "Never" }),
    pod({ shareProcessNamespace: true, hostPID: true }),
    pod({ resourceClaims: [{ name: "x" }] }),
    pod({ dnsConfig: { nameservers: ["a", "10.0.0.1", "10.0.0.2", "10.0.0.3"], searches: ["A b"] } }),
    pod({ dnsConfig: { nameservers: ["10.0.0.1"], searches: ["_a.b.", "."], options: [{ value: "x" }] } }),
  ],
  "/api/v1/replicationcontrollers": [{ spec: { selector: labels, template: brief } }],
  "/apis/apps/v1/deployments": [set({ template: brief })],
  "/apis/apps/v1/replicasets": [set({ template: brief, minReadySeconds: -1 })],
  "/apis/apps/v1/statefulsets": [
    set({ template: brief, minReadySeconds: -1 }),
    set({ updateStrategy: { type: "OnDelete", rollingUpdate: {} } }),
    set({ ordinals: { start: -1 }, serviceName: "A_" }),
  ],
  "/apis/apps/v1/daemonsets": [
    set({ template: brief, minReadySeconds: -1 }),
    set({ updateStrategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } } }),
  ],
  "/apis/batch/v1/jobs": [
    job({ manualSelector: true }),
    job({ podReplacementPolicy: "X" }),
    job({ managedBy: "x" }),
    job({ maxFailedIndexes: 1 }),
    job({ completionMode: "Indexed", completions: 2, maxFailedIndexes: -1, backoffLimitPerIndex: -1 }),
    job({ completionMode: "Indexed", completions: 2, parallelism: 200_000 }),
  ],
  "/api/v1/persistentvolumeclaims": [{ spec: { accessModes: ["ReadWriteOncePod", "ReadWriteOnce"], resources } }],
  "/api/v1/resourcequotas": [
    { spec: { hard: { foo: "1" } } },
    { spec: { hard: { pods: "1" }, scopes: ["Terminating", "NotTerminating"] } },
    { spec: { hard: { services: "1" }, scopes: ["BestEffort"] } },
    {
      spec: {
        hard: { pods: "1" },
        scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In" }] },
      },
    },
    { spec: { hard: { pods: "1" }, scopeSelector: { matchExpressions: [{ scopeName: "X", operator: "Y" }] } } },
    { spec: { hard: { "requests.storage": "1", "count/deployments.apps": "2", "requests.example.com/x": "1" } } },
    { spec: { hard: { "limits.cpu": "1", "fast.storageclass.storage.k8s.io/requests.storage": "1Gi", storage: "1" } } },
  ],
  "/api/v1/limitranges": [
    limit({ type: "Pod", default: { cpu: "1" } }),
    limit({ type: "PersistentVolumeClaim" }),
    limit({ type: "Container", maxLimitRequestRatio: { cpu: "0" } }),
    limit({ type: "Container" }, { type: "Container" }),
  ],
  "/api/v1/endpoints": [{ subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 1 }, { port: 2 }] }] }],
  "/apis/discovery.k8s.io/v1/endpointslices": [
    { addressType: "IPv4", endpoints: [{ addresses: ["fd00::1"] }] },
    { addressType: "FQDN", endpoints: [{ addresses: ["A_"] }] },
    { addressType: "IPv4", endpoints: [], ports: [{ port: 1 }, { port: 1 }] },
    { addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"], nodeName: "A_" }] },
  ],
  "/apis/autoscaling/v2/horizontalpodautoscalers": [
    metric({
      type: "ContainerResource",
      containerResource: { name: "cpu", target: { type: "Utilization", averageUtilization: 5 } },
    }),
    metric({ type: "Pods", pods: { target: { type: "AverageValue", averageValue: "1" } } }),
  ],
  "/apis/policy/v1/poddisruptionbudgets": [{ spec: { minAvailable: 1, unhealthyPodEvictionPolicy: "X" } }],
  "/apis/networking.k8s.io/v1/ingresses": [
    path({ path: "/a//b/..", pathType: "Prefix", backend: { service } }),
    path({ path: "/", pathType: "Prefix", backend: { service: { name: "s" } } }),
    { spec: { rules: [{ host: "*.a.b" }, { host: "1.2.3.4" }, { host: "*" }] } },
    { spec: { tls: [{ hosts: ["A b"], secretName: "A_" }], defaultBackend: { service } } },
    { spec: { ingressClassName: "A_", defaultBackend: { service } } },
    { spec: { rules: [{ http: { paths: [] } }] } },
  ],
  "/apis/rbac.authorization.k8s.io/v1/rolebindings": [
    { roleRef: { apiGroup: "x", kind: "Role", name: "a" } },
    { roleRef: { apiGroup: rbac, kind: "Role", name: "a" }, subjects: [{ kind: "User", apiGroup: "x", name: "b" }] },
    {
      roleRef: { apiGroup: rbac, kind: "Role", name: "a" },
      subjects: [{ kind: "ServiceAccount", apiGroup: rbac, name: "b" }],
    },
  ],
};

const wrongOfCluster: Record<string, object[]> = {
  "/api/v1/nodes": [
    {
      metadata: { name: "n" },
      spec: {
        taints: [
          { key: "a", effect: "NoSchedule" },
          { key: "a", effect: "NoSchedule" },
        ],
      },
    },
  ],
  "/api/v1/persistentvolumes": [
    volume({ hostPath, nfs: { server: "a", path: "/" } }),
    volume({ hostPath: { path: "" } }),
    volume({ hostPath: { path: "/a/../b" } }),
    volume({ hostPath, capacity: { storage: "0" } }),
    volume({ local: { path: "/x" } }),
    volume({ hostPath: { path: "/" }, persistentVolumeReclaimPolicy: "Recycle" }),
    volume({ hostPath, volumeMode: "X" }),
    volume({ hostPath, accessModes: ["ReadWriteOncePod", "ReadWriteOnce"] }),
    volume({ csi: {} }),
    volume({ nfs: {} }),
  ],
  "/apis/storage.k8s.io/v1/storageclasses": [{ provisioner: "a/b", parameters: { "": "x" } }],
  "/apis/networking.k8s.io/v1/ingressclasses": [
    {},
    { spec: { controller: "x" } },
    { spec: { controller: "a.b/c", parameters: { kind: "K", name: "n", scope: "X" } } },
    { spec: { controller: "a.b/c", parameters: { scope: "Namespace" } } },
  ],
  "/apis/rbac.authorization.k8s.io/v1/clusterroles": [
    { aggregationRule: {} },
    { aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: "a", operator: "X" }] }] } },
  ],
  "/apis/certificates.k8s.io/v1/certificatesigningrequests": [
    { spec: {} },
    { spec: { request: "AA==", signerName: "x", usages: ["client auth"] } },
    { spec: { request: "AA==", signerName: "a.b/c", usages: ["foo", "foo"], expirationSeconds: 5 } },
    { spec: { request: "AA==", signerName: "kubernetes.io/legacy-unknown", usages: ["any"] } },
  ],
};

export const fields: Scenarios = {
  ...Object.fromEntries(Object.entries(wrong).map(([at, bodies]) => [at, scenarioOf(at, bodies, false)])),
  ...Object.fromEntries(Object.entries(wrongOfCluster).map(([at, bodies]) => [at, scenarioOf(at, bodies, true)])),
};
