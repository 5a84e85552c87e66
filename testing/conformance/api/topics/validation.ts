// What is wrong with objects of the kinds that the platform uses: fields, reasons, words.
import type { Scenarios } from "../recording.ts";

const container = { name: "c", image: "i:1" };
const labels = { app: "a" };
const selector = { matchLabels: labels };
const template = { metadata: { labels }, spec: { containers: [container] } };
const jobTemplate = { spec: { containers: [container], restartPolicy: "Never" } };
const target = { apiVersion: "apps/v1", kind: "Deployment", name: "a" };

/** By path (the namespace goes before the last part) what is refused of it. */
const wrong: Record<string, object[]> = {
  "/api/v1/pods": [
    { spec: {} },
    { spec: { containers: [] } },
    { spec: { containers: [{}] } },
    { spec: { containers: [{ name: "C", image: "" }] } },
    { spec: { containers: [container, container] } },
    { spec: { containers: [{ ...container, image: " i" }] } },
    { spec: { containers: [{ ...container, imagePullPolicy: "Sometimes" }] } },
    { spec: { containers: [container], restartPolicy: "Maybe" } },
    { spec: { containers: [container], dnsPolicy: "Other" } },
    { spec: { containers: [container], nodeName: "Bad Name" } },
    { spec: { containers: [container], nodeSelector: { "bad key!": "x" } } },
    { spec: { containers: [container], terminationGracePeriodSeconds: -1 } },
    { spec: { containers: [container], activeDeadlineSeconds: 0 } },
    { spec: { containers: [container], serviceAccountName: "Bad_" } },
    { spec: { containers: [container], hostname: "Bad.Name" } },
    { spec: { containers: [container], priority: 5 } },
    { spec: { containers: [container], priorityClassName: "none-such" } },
    {
      spec: {
        containers: [
          {
            ...container,
            ports: [{ containerPort: 0 }, { containerPort: 70000 }, { containerPort: 1, protocol: "X" }],
          },
        ],
      },
    },
    {
      spec: {
        containers: [
          {
            ...container,
            ports: [
              { containerPort: 1, name: "UPPER" },
              { containerPort: 2, name: "a", hostPort: -1 },
              { containerPort: 3, name: "a" },
            ],
          },
        ],
      },
    },
    {
      spec: {
        containers: [
          {
            ...container,
            env: [
              { name: "" },
              { name: "a b" },
              { name: "A", value: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            ],
          },
        ],
      },
    },
    {
      spec: {
        containers: [
          {
            ...container,
            env: [
              { name: "A", valueFrom: {} },
              { name: "B", valueFrom: { fieldRef: { fieldPath: "spec.wrong" } } },
            ],
          },
        ],
      },
    },
    { spec: { containers: [{ ...container, resources: { limits: { cpu: "-1" }, requests: { memory: "x" } } }] } },
    { spec: { containers: [{ ...container, resources: { limits: { cpu: "1" }, requests: { cpu: "2" } } }] } },
    {
      spec: { containers: [{ ...container, resources: { limits: { "bad resource": "1", "example.com/x": "1.5" } } }] },
    },
    { spec: { containers: [{ ...container, volumeMounts: [{ name: "none", mountPath: "" }] }] } },
    {
      spec: {
        containers: [
          {
            ...container,
            volumeMounts: [
              { name: "v", mountPath: "/a" },
              { name: "v", mountPath: "/a" },
            ],
          },
        ],
        volumes: [{ name: "v" }],
      },
    },
    { spec: { containers: [container], volumes: [{ name: "v" }, { name: "v" }, { name: "Bad" }, {}] } },
    { spec: { containers: [container], volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/" } }] } },
    {
      spec: {
        containers: [container],
        volumes: [
          { name: "v", hostPath: { path: "" } },
          { name: "w", secret: {} },
          { name: "x", configMap: {} },
          { name: "y", persistentVolumeClaim: {} },
        ],
      },
    },
    {
      spec: {
        containers: [container],
        volumes: [
          { name: "v", hostPath: { path: "../x", type: "Wrong" } },
          { name: "w", emptyDir: { sizeLimit: "-1" } },
        ],
      },
    },
    { spec: { containers: [{ ...container, livenessProbe: {} }] } },
    {
      spec: {
        containers: [
          {
            ...container,
            livenessProbe: { httpGet: { port: 0, scheme: "X" }, timeoutSeconds: -1, successThreshold: 2 },
          },
        ],
      },
    },
    {
      spec: {
        containers: [
          {
            ...container,
            readinessProbe: { exec: { command: [] } },
            startupProbe: { tcpSocket: { port: "x", host: "" }, grpc: { port: 1 } },
          },
        ],
      },
    },
    { spec: { containers: [{ ...container, lifecycle: { preStop: {} } }] } },
    {
      spec: {
        containers: [
          { ...container, securityContext: { privileged: true, allowPrivilegeEscalation: false, runAsUser: -1 } },
        ],
      },
    },
    { spec: { containers: [{ ...container, terminationMessagePolicy: "X", workingDir: "x" }] } },
    {
      spec: {
        containers: [container],
        tolerations: [{ key: "a", operator: "Equals" }, { operator: "Exists", value: "x" }, { effect: "X" }],
      },
    },
    {
      spec: {
        containers: [container],
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
      },
    },
    {
      spec: {
        containers: [container],
        affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } },
      },
    },
    { spec: { containers: [container], topologySpreadConstraints: [{ maxSkew: 0, whenUnsatisfiable: "X" }] } },
    {
      spec: {
        containers: [container],
        initContainers: [
          { name: "c", image: "i" },
          { name: "x", image: "i", readinessProbe: { exec: { command: ["a"] } } },
        ],
      },
    },
    { spec: { containers: [container], ephemeralContainers: [{ name: "e", image: "i" }] } },
    { spec: { containers: [container], hostAliases: [{ ip: "x" }] } },
    { spec: { containers: [container], schedulingGates: [{ name: "" }, { name: "a" }, { name: "a" }] } },
    { spec: { containers: [container], dnsPolicy: "None" } },
    { metadata: { name: "Bad Name" }, spec: { containers: [container] } },
    { metadata: { name: "x", labels: { "a b": "c", ok: "x y" } }, spec: { containers: [container] } },
    { metadata: { name: "x", annotations: { "a b": "c" } }, spec: { containers: [container] } },
    { metadata: { name: "x", ownerReferences: [{}] }, spec: { containers: [container] } },
    {
      metadata: {
        name: "x",
        ownerReferences: [
          { apiVersion: "v1", kind: "Pod", name: "a", uid: "1", controller: true },
          { apiVersion: "v1", kind: "Pod", name: "b", uid: "2", controller: true },
        ],
      },
      spec: { containers: [container] },
    },
    { spec: { containers: [{ ...container, command: "x" }] } },
    { spec: { containers: [{ ...container, resources: { limits: { cpu: true } } }] } },
    { spec: { containers: [container], hostNetwork: "x", terminationGracePeriodSeconds: "5" } },
  ],
  "/api/v1/services": [
    { spec: {} },
    { spec: { ports: [{}] } },
    { spec: { ports: [{ port: 80 }, { port: 81 }] } },
    {
      spec: {
        ports: [
          { port: 80, name: "A" },
          { port: 80, name: "b" },
          { port: 81, name: "b" },
        ],
      },
    },
    { spec: { ports: [{ port: 70000, protocol: "X", targetPort: "not valid port" }] } },
    { spec: { type: "Other", ports: [{ port: 80 }] } },
    { spec: { ports: [{ port: 80 }], sessionAffinity: "X" } },
    { spec: { ports: [{ port: 80 }], clusterIP: "x" } },
    { spec: { ports: [{ port: 80 }], clusterIP: "1.2.3.4" } },
    { spec: { type: "ExternalName" } },
    { spec: { type: "ExternalName", externalName: "Bad Name!" } },
    { spec: { ports: [{ port: 80, nodePort: 30080 }] } },
    { spec: { ports: [{ port: 80 }], externalIPs: ["127.0.0.1"] } },
    { spec: { ports: [{ port: 80 }], selector: { "a b": "c" } } },
    { spec: { ports: [{ port: 80 }], externalTrafficPolicy: "Local" } },
    { metadata: { name: "1bad" }, spec: { ports: [{ port: 80 }] } },
  ],
  "/api/v1/configmaps": [
    { data: { "": "x" } },
    { data: { [`${"k".repeat(254)}`]: "x" } },
    { data: { a: "x" }, binaryData: { a: "AA==" } },
    { metadata: { name: "x".repeat(254) } },
    { metadata: { name: "-x" } },
  ],
  "/api/v1/secrets": [
    { type: "kubernetes.io/tls" },
    { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "AA==" } },
    { type: "kubernetes.io/basic-auth" },
    { type: "kubernetes.io/ssh-auth" },
    { type: "kubernetes.io/service-account-token" },
    { type: "bootstrap.kubernetes.io/token" },
    { data: { "a b": "AA==" } },
  ],
  "/api/v1/persistentvolumeclaims": [
    { spec: {} },
    { spec: { accessModes: ["X"], resources: { requests: { storage: "1Gi" } } } },
    { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "0" } } } },
    {
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1" } },
        volumeMode: "X",
        storageClassName: "Bad_",
      },
    },
  ],
  "/api/v1/resourcequotas": [
    { spec: { hard: { "bad name!": "1", pods: "-1", "requests.cpu": "x" } } },
    { spec: { scopes: ["X"] } },
    { spec: { hard: { pods: "1.5" } } },
  ],
  "/api/v1/limitranges": [
    { spec: { limits: [{ type: "X x" }] } },
    { spec: { limits: [{ type: "Container", max: { cpu: "1" }, min: { cpu: "2" } }] } },
  ],
  "/apis/apps/v1/deployments": [
    { spec: {} },
    { spec: { selector: {}, template } },
    { spec: { selector: { matchLabels: { app: "b" } }, template } },
    {
      spec: {
        selector: {
          matchExpressions: [
            { key: "a", operator: "X" },
            { key: "b", operator: "In" },
            { key: "a b", operator: "Exists", values: ["x"] },
          ],
        },
        template,
      },
    },
    { spec: { selector, template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } } } },
    {
      spec: {
        selector,
        template,
        replicas: -1,
        minReadySeconds: -1,
        revisionHistoryLimit: -1,
        progressDeadlineSeconds: 0,
      },
    },
    { spec: { selector, template, strategy: { type: "X" } } },
  ],
  "/apis/apps/v1/statefulsets": [
    { spec: { selector, template, podManagementPolicy: "X", updateStrategy: { type: "Y" } } },
    { spec: { selector, template, replicas: -1, persistentVolumeClaimRetentionPolicy: { whenDeleted: "X" } } },
  ],
  "/apis/apps/v1/daemonsets": [
    { spec: { selector, template, updateStrategy: { type: "X" } } },
    { spec: { selector, template, updateStrategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 0 } } } },
  ],
  "/apis/apps/v1/replicasets": [{ spec: {} }, { spec: { selector, template: { spec: template.spec } } }],
  "/apis/batch/v1/jobs": [
    { spec: {} },
    { spec: { template: { spec: { containers: [container] } } } },
    {
      spec: {
        template: jobTemplate,
        parallelism: -1,
        completions: -1,
        backoffLimit: -1,
        ttlSecondsAfterFinished: -1,
        activeDeadlineSeconds: -1,
      },
    },
    { spec: { template: jobTemplate, completionMode: "Indexed" } },
    { spec: { template: jobTemplate, completionMode: "X" } },
    { spec: { template: jobTemplate, selector } },
    {
      spec: {
        template: { spec: { ...jobTemplate.spec, restartPolicy: "OnFailure" } },
        podFailurePolicy: { rules: [{ action: "X" }] },
      },
    },
    {
      spec: {
        template: jobTemplate,
        podFailurePolicy: {
          rules: [{ action: "FailJob" }, { action: "Ignore", onExitCodes: { operator: "In", values: [0] } }],
        },
      },
    },
    { spec: { template: jobTemplate, backoffLimitPerIndex: 1 } },
    { spec: { template: jobTemplate, successPolicy: { rules: [{}] } } },
  ],
  "/apis/batch/v1/cronjobs": [
    { spec: {} },
    { spec: { schedule: "x", jobTemplate: { spec: { template: jobTemplate } } } },
    {
      spec: {
        schedule: "* * * * *",
        concurrencyPolicy: "X",
        timeZone: "No/Where",
        jobTemplate: { spec: { template: jobTemplate } },
      },
    },
    {
      spec: {
        schedule: "* * * * *",
        successfulJobsHistoryLimit: -1,
        startingDeadlineSeconds: -1,
        jobTemplate: { spec: { template: jobTemplate } },
      },
    },
    {
      metadata: { name: "x".repeat(53) },
      spec: { schedule: "* * * * *", jobTemplate: { spec: { template: jobTemplate } } },
    },
    { spec: { schedule: "TZ=UTC * * * * *", jobTemplate: { spec: { template: jobTemplate } } } },
  ],
  "/apis/autoscaling/v2/horizontalpodautoscalers": [
    { spec: {} },
    { spec: { maxReplicas: 0, scaleTargetRef: target } },
    { spec: { maxReplicas: 1, minReplicas: 2, scaleTargetRef: {} } },
    { spec: { maxReplicas: 2, scaleTargetRef: target, metrics: [{ type: "X" }] } },
  ],
  "/apis/policy/v1/poddisruptionbudgets": [
    { spec: { minAvailable: 1, maxUnavailable: 1 } },
    { spec: { minAvailable: "x" } },
    { spec: { maxUnavailable: "101%", selector: { matchLabels: { "a b": "c" } } } },
  ],
  "/apis/networking.k8s.io/v1/ingresses": [
    { spec: {} },
    { spec: { rules: [{ host: "Bad Host", http: { paths: [{ path: "x", pathType: "Prefix", backend: {} }] } }] } },
    {
      spec: { rules: [{ http: { paths: [{ path: "/", backend: { service: { name: "s", port: { number: 0 } } } }] } }] },
    },
    { spec: { defaultBackend: { service: { name: "s", port: { name: "a", number: 1 } } } } },
  ],
  "/apis/networking.k8s.io/v1/networkpolicies": [
    { spec: { podSelector: { matchLabels: { "a b": "c" } }, policyTypes: ["X"] } },
    { spec: { podSelector: {}, ingress: [{ from: [{}], ports: [{ port: 70000, protocol: "X" }] }] } },
    { spec: { podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: "x" } }] }] } },
  ],
  "/apis/rbac.authorization.k8s.io/v1/roles": [
    { rules: [{}] },
    { rules: [{ verbs: ["get"], nonResourceURLs: ["/x"] }] },
    { rules: [{ verbs: ["get"], resources: ["pods"] }] },
  ],
  "/apis/rbac.authorization.k8s.io/v1/rolebindings": [
    {},
    { roleRef: { kind: "X", name: "" } },
    {
      roleRef: { kind: "Role", name: "a" },
      subjects: [{}, { kind: "X", name: "a" }, { kind: "ServiceAccount", name: "Bad_" }],
    },
  ],
  "/apis/discovery.k8s.io/v1/endpointslices": [
    {},
    { addressType: "X" },
    { addressType: "IPv4", endpoints: [{ addresses: [] }, { addresses: ["x"] }], ports: [{ name: "A" }] },
  ],
  "/apis/coordination.k8s.io/v1/leases": [{ spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } }],
};

const wrongOfCluster: Record<string, object[]> = {
  "/api/v1/namespaces": [
    { metadata: { name: "Bad" } },
    { metadata: { name: "x".repeat(64) } },
    { metadata: { name: "a.b" } },
  ],
  "/api/v1/nodes": [
    {
      metadata: { name: "n" },
      spec: {
        taints: [
          { key: "", effect: "X" },
          { key: "a b", effect: "NoSchedule" },
        ],
      },
    },
    { metadata: { name: "n" }, spec: { podCIDR: "x" } },
  ],
  "/api/v1/persistentvolumes": [{ spec: {} }, { spec: { capacity: { storage: "1Gi" }, accessModes: ["X"] } }],
  "/apis/storage.k8s.io/v1/storageclasses": [
    {},
    { provisioner: "Bad Name", reclaimPolicy: "X", volumeBindingMode: "Y" },
  ],
  "/apis/scheduling.k8s.io/v1/priorityclasses": [
    { metadata: { name: "system-x" }, value: 1 },
    { value: 2_000_000_000 },
    { value: 1, preemptionPolicy: "X" },
  ],
  "/apis/rbac.authorization.k8s.io/v1/clusterroles": [
    { rules: [{ verbs: [], resources: ["a"] }] },
    { rules: [{ verbs: ["get"], nonResourceURLs: ["/a"], resources: ["b"], apiGroups: [""] }] },
  ],
  "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings": [{ roleRef: { kind: "Role", name: "a" } }],
};

export function scenarioOf(path: string, bodies: object[], cluster: boolean): Scenarios[string] {
  return async ({ ask, namespace, unique }) => {
    const at = cluster ? path : path.replace(/\/(\w+)$/, `/namespaces/${namespace}/$1`);
    for (const body of bodies) {
      const metadata = (body as { metadata?: object }).metadata ?? { name: unique };
      const answer = await ask("POST", `${at}?dryRun=All`, { body: { ...body, metadata } });
      if (answer.status === 201) answer.json = {};
    }
  };
}

export const validation: Scenarios = {
  ...Object.fromEntries(Object.entries(wrong).map(([path, bodies]) => [path, scenarioOf(path, bodies, false)])),
  ...Object.fromEntries(Object.entries(wrongOfCluster).map(([path, bodies]) => [path, scenarioOf(path, bodies, true)])),
  async "fields and their validation"({ ask, namespace }) {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments?dryRun=All`;
    const text = (more: string) =>
      `{"metadata":{"name":"a"},"spec":{"selector":{"matchLabels":{"app":"a"}},"template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"i"${more}}]}}}}`;
    for (const more of [
      "",
      ',"bogus":1',
      ',"image":"j"',
      ',"bogus":1,"image":"j","env":[{"name":"A","valu":"x","name":"B"}]',
      ',"Image":"x"',
    ]) {
      for (const validation of ["Strict", "Warn", "Ignore", "", "Other"]) {
        await ask("POST", `${path}&fieldValidation=${validation}`, { body: text(more) });
      }
    }
    const yaml = "metadata:\n  name: a\n  name: b\nspec:\n  bogus: 1\n";
    await ask("POST", `${path}&fieldValidation=Strict`, { body: yaml, type: "application/yaml" });
  },
};
