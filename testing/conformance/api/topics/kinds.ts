// A small object of every kind: what is made of it, how it looks as a row, what its deletion answers.
import type { Scenarios } from "../recording.ts";
import { tableType } from "./tables.ts";

const container = { name: "c", image: "i:1" };
const pod = { containers: [container] };
const labels = { app: "a" };
const template = { metadata: { labels }, spec: pod };
const selector = { matchLabels: labels };
const volume = { storage: "1Gi" };
const caBundle = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==";

const richPod = {
  initContainers: [{ name: "init", image: "i", restartPolicy: "Always" }],
  containers: [
    {
      name: "c",
      image: "registry.example.com/a/b@sha256:0123456789012345678901234567890123456789012345678901234567890123",
      ports: [{ containerPort: 80 }, { containerPort: 53, protocol: "UDP", name: "dns" }],
      env: [
        { name: "A", value: "" },
        { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "C", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "D", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
      ],
      resources: { limits: { cpu: "0.5", memory: "1024Mi" } },
      livenessProbe: { httpGet: { port: 80 } },
      readinessProbe: { tcpSocket: { port: "dns" } },
      startupProbe: { grpc: { port: 80 } },
      lifecycle: { postStart: { httpGet: { port: 80 } }, preStop: { exec: { command: ["x"] } } },
      volumeMounts: [{ name: "a", mountPath: "/a" }],
      securityContext: { capabilities: { add: ["NET_ADMIN"] } },
    },
    { name: "d", image: "busybox:latest", command: ["sh"], args: ["-c"] },
  ],
  volumes: [
    { name: "a", emptyDir: {} },
    { name: "b", configMap: { name: "c" } },
    { name: "c", secret: { secretName: "s" } },
    { name: "d", hostPath: { path: "/x" } },
    { name: "e", downwardAPI: { items: [{ path: "l", fieldRef: { fieldPath: "metadata.labels" } }] } },
    { name: "f", projected: { sources: [{ serviceAccountToken: { path: "t" } }, { configMap: { name: "c" } }] } },
    {
      name: "g",
      ephemeral: { volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: volume } } } },
    },
    { name: "h", nfs: { server: "s", path: "/" } },
    { name: "i", csi: { driver: "d.example.com" } },
    { name: "j", iscsi: { targetPortal: "1.2.3.4", iqn: "iqn.2001-04.com.example:storage", lun: 0 } },
  ],
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "host", labelSelector: selector }],
    },
  },
  tolerations: [{ key: "k", operator: "Exists", effect: "NoExecute" }],
};

interface Sample {
  path: string;
  /** Absent: the namespace is in the path. */
  cluster?: true;
  body: object;
}

const samples: Record<string, Sample> = {
  pod: { path: "/api/v1/pods", body: { spec: pod } },
  "rich pod": { path: "/api/v1/pods", body: { metadata: { labels, annotations: { a: "b" } }, spec: richPod } },
  "host network pod": {
    path: "/api/v1/pods",
    body: { spec: { ...pod, hostNetwork: true, containers: [{ ...container, ports: [{ containerPort: 80 }] }] } },
  },
  podtemplate: { path: "/api/v1/podtemplates", body: { template } },
  service: {
    path: "/api/v1/services",
    body: {
      spec: {
        selector: labels,
        ports: [{ port: 80 }, { name: "b", port: 81, targetPort: "x", protocol: "UDP" }].map((p, i) => ({
          name: `p${i}`,
          ...p,
        })),
      },
    },
  },
  "headless service": { path: "/api/v1/services", body: { spec: { clusterIP: "None", selector: labels } } },
  "node port service": {
    path: "/api/v1/services",
    body: { spec: { type: "NodePort", ports: [{ port: 80 }], sessionAffinity: "ClientIP" } },
  },
  "load balancer": { path: "/api/v1/services", body: { spec: { type: "LoadBalancer", ports: [{ port: 80 }] } } },
  "external name": {
    path: "/api/v1/services",
    body: { spec: { type: "ExternalName", externalName: "a.example.com" } },
  },
  endpoints: {
    path: "/api/v1/endpoints",
    body: { subsets: [{ addresses: [{ ip: "1.2.3.4" }], ports: [{ port: 80 }] }] },
  },
  configmap: { path: "/api/v1/configmaps", body: { data: { a: "b" }, binaryData: { c: "AA==" } } },
  secret: { path: "/api/v1/secrets", body: { stringData: { a: "b" }, data: { c: "AA==" } } },
  serviceaccount: { path: "/api/v1/serviceaccounts", body: {} },
  persistentvolumeclaim: {
    path: "/api/v1/persistentvolumeclaims",
    body: { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: volume } } },
  },
  resourcequota: { path: "/api/v1/resourcequotas", body: { spec: { hard: { "requests.cpu": "1", pods: "5" } } } },
  limitrange: {
    path: "/api/v1/limitranges",
    body: { spec: { limits: [{ type: "Container", max: { cpu: "1" }, default: { memory: "1Gi" } }] } },
  },
  replicationcontroller: { path: "/api/v1/replicationcontrollers", body: { spec: { template } } },
  event: {
    path: "/api/v1/events",
    body: { involvedObject: { kind: "Pod", namespace: "NS", name: "a" }, reason: "r", message: "m", type: "Normal" },
  },
  "new event": {
    path: "/apis/events.k8s.io/v1/events",
    body: {
      regarding: { kind: "Pod", namespace: "NS", name: "a" },
      reason: "r",
      note: "m",
      type: "Normal",
      action: "x",
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingController: "c.example.com/x",
      reportingInstance: "i",
    },
  },
  deployment: { path: "/apis/apps/v1/deployments", body: { spec: { selector, template } } },
  replicaset: { path: "/apis/apps/v1/replicasets", body: { spec: { selector, template } } },
  statefulset: {
    path: "/apis/apps/v1/statefulsets",
    body: {
      spec: {
        selector,
        template,
        serviceName: "s",
        volumeClaimTemplates: [
          { metadata: { name: "v" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: volume } } },
        ],
      },
    },
  },
  daemonset: { path: "/apis/apps/v1/daemonsets", body: { spec: { selector, template } } },
  controllerrevision: { path: "/apis/apps/v1/controllerrevisions", body: { revision: 1, data: { a: 1 } } },
  job: { path: "/apis/batch/v1/jobs", body: { spec: { template: { spec: { ...pod, restartPolicy: "Never" } } } } },
  "indexed job": {
    path: "/apis/batch/v1/jobs",
    body: {
      spec: {
        completionMode: "Indexed",
        completions: 3,
        backoffLimitPerIndex: 1,
        podFailurePolicy: { rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] }] },
        template: { spec: { ...pod, restartPolicy: "Never" } },
      },
    },
  },
  cronjob: {
    path: "/apis/batch/v1/cronjobs",
    body: {
      spec: {
        schedule: "* * * * *",
        jobTemplate: { spec: { template: { spec: { ...pod, restartPolicy: "OnFailure" } } } },
      },
    },
  },
  autoscaler: {
    path: "/apis/autoscaling/v2/horizontalpodautoscalers",
    body: { spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "a" } } },
  },
  "rich autoscaler": {
    path: "/apis/autoscaling/v2/horizontalpodautoscalers",
    body: {
      spec: {
        maxReplicas: 3,
        behavior: { scaleDown: { policies: [{ type: "Pods", value: 1, periodSeconds: 15 }] } },
        metrics: [
          { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } } },
        ],
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "a" },
      },
    },
  },
  "old autoscaler": {
    path: "/apis/autoscaling/v1/horizontalpodautoscalers",
    body: {
      spec: {
        maxReplicas: 3,
        targetCPUUtilizationPercentage: 50,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "a" },
      },
    },
  },
  budget: { path: "/apis/policy/v1/poddisruptionbudgets", body: { spec: { minAvailable: "50%", selector } } },
  ingress: {
    path: "/apis/networking.k8s.io/v1/ingresses",
    body: {
      spec: {
        rules: [
          {
            host: "a.example.com",
            http: {
              paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "s", port: { number: 80 } } } }],
            },
          },
        ],
        tls: [{ hosts: ["a.example.com"] }],
      },
    },
  },
  networkpolicy: {
    path: "/apis/networking.k8s.io/v1/networkpolicies",
    body: { spec: { podSelector: {}, egress: [{ ports: [{ port: 53 }] }] } },
  },
  endpointslice: {
    path: "/apis/discovery.k8s.io/v1/endpointslices",
    body: { addressType: "IPv4", endpoints: [{ addresses: ["1.2.3.4"] }], ports: [{ port: 80 }] },
  },
  role: {
    path: "/apis/rbac.authorization.k8s.io/v1/roles",
    body: { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] },
  },
  rolebinding: {
    path: "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    body: {
      roleRef: { kind: "Role", name: "a" },
      subjects: [
        { kind: "User", name: "u" },
        { kind: "ServiceAccount", name: "s", namespace: "n" },
      ],
    },
  },
  lease: {
    path: "/apis/coordination.k8s.io/v1/leases",
    body: { spec: { holderIdentity: "me", leaseDurationSeconds: 15, renewTime: "2026-01-01T00:00:00.000000Z" } },
  },
  csistoragecapacity: {
    path: "/apis/storage.k8s.io/v1/csistoragecapacities",
    body: { storageClassName: "s", capacity: "1Gi" },
  },
  resourceclaim: {
    path: "/apis/resource.k8s.io/v1/resourceclaims",
    body: { spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "c.example.com" } }] } } },
  },
  resourceclaimtemplate: {
    path: "/apis/resource.k8s.io/v1/resourceclaimtemplates",
    body: { spec: { spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "c.example.com" } }] } } } },
  },
  node: { cluster: true, path: "/api/v1/nodes", body: {} },
  persistentvolume: {
    cluster: true,
    path: "/api/v1/persistentvolumes",
    body: { spec: { capacity: volume, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } } },
  },
  priorityclass: { cluster: true, path: "/apis/scheduling.k8s.io/v1/priorityclasses", body: { value: 5 } },
  storageclass: {
    cluster: true,
    path: "/apis/storage.k8s.io/v1/storageclasses",
    body: { provisioner: "p.example.com" },
  },
  csidriver: { cluster: true, path: "/apis/storage.k8s.io/v1/csidrivers", body: { spec: {} } },
  csinode: {
    cluster: true,
    path: "/apis/storage.k8s.io/v1/csinodes",
    body: { spec: { drivers: [{ name: "d", nodeID: "n", topologyKeys: ["zone"] }] } },
  },
  volumeattachment: {
    cluster: true,
    path: "/apis/storage.k8s.io/v1/volumeattachments",
    body: { spec: { attacher: "a.example.com", nodeName: "n", source: { persistentVolumeName: "p" } } },
  },
  clusterrole: {
    cluster: true,
    path: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    body: { rules: [{ nonResourceURLs: ["/x"], verbs: ["get"] }] },
  },
  clusterrolebinding: {
    cluster: true,
    path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    body: { roleRef: { kind: "ClusterRole", name: "a" }, subjects: [{ kind: "Group", name: "g" }] },
  },
  runtimeclass: { cluster: true, path: "/apis/node.k8s.io/v1/runtimeclasses", body: { handler: "h" } },
  ingressclass: {
    cluster: true,
    path: "/apis/networking.k8s.io/v1/ingressclasses",
    body: { spec: { controller: "example.com/c", parameters: { kind: "K", name: "n" } } },
  },
  certificate: {
    cluster: true,
    path: "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    body: { spec: { request: "AA==", signerName: "example.com/s", usages: ["client auth"] } },
  },
  webhooks: {
    cluster: true,
    path: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    body: {
      webhooks: [
        {
          name: "a.example.com",
          clientConfig: { service: { namespace: "n", name: "s" }, caBundle },
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
          rules: [
            { apiGroups: ["none.example.com"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["things"] },
          ],
        },
      ],
    },
  },
  "changing webhooks": {
    cluster: true,
    path: "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    body: {
      webhooks: [
        {
          name: "a.example.com",
          clientConfig: { url: "https://a.example.com" },
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
          rules: [
            { apiGroups: ["none.example.com"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["things"] },
          ],
        },
      ],
    },
  },
  policy: {
    cluster: true,
    path: "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    body: {
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: ["none.example.com"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["things"] },
          ],
        },
        validations: [{ expression: "true" }],
      },
    },
  },
  "policy binding": {
    cluster: true,
    path: "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    body: { spec: { policyName: "none", validationActions: ["Deny"] } },
  },
  flowschema: {
    cluster: true,
    path: "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
    body: {
      spec: {
        priorityLevelConfiguration: { name: "x" },
        rules: [
          {
            subjects: [{ kind: "User", user: { name: "u" } }],
            nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/x"] }],
          },
        ],
      },
    },
  },
  prioritylevel: {
    cluster: true,
    path: "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
    body: { spec: { type: "Limited", limited: { limitResponse: { type: "Reject" } } } },
  },
  deviceclass: { cluster: true, path: "/apis/resource.k8s.io/v1/deviceclasses", body: { spec: {} } },
  resourceslice: {
    cluster: true,
    path: "/apis/resource.k8s.io/v1/resourceslices",
    body: {
      spec: {
        driver: "d.example.com",
        nodeName: "n",
        pool: { name: "p", generation: 1, resourceSliceCount: 1 },
        devices: [{ name: "x" }],
      },
    },
  },
};

export const kinds: Scenarios = Object.fromEntries(
  Object.entries(samples).map(([name, { path, cluster, body }]) => [
    name,
    async ({ ask, subject, namespace, unique }) => {
      const at = cluster ? path : path.replace(/\/(\w+)$/, `/namespaces/${namespace}/$1`);
      const metadata = { ...(body as { metadata?: object }).metadata, name: unique };
      const text = JSON.stringify({ ...body, metadata }).replaceAll('"NS"', JSON.stringify(namespace));
      const made = await ask("POST", at, { body: text });
      if (made.status !== 201) return;
      const row = await ask("GET", `${at}/${unique}?includeObject=None`, { accept: tableType });
      if (row.json.rows === undefined) return;
      await ask("PUT", `${at}/${unique}`, { body: made.json });
      await ask("DELETE", `${at}/${unique}?gracePeriodSeconds=0`);
      // Protection finalizers are for controllers to remove.
      await subject.send("PATCH", `${at}/${unique}`, {
        body: { metadata: { finalizers: null } },
        type: "application/merge-patch+json",
      });
    },
  ]),
);
