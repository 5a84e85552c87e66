import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";

const container = { name: "c", image: "x:1" };
const template = (labels: object) => ({ metadata: { labels }, spec: { containers: [container] } });
const pod = (spec: object, metadata: object = {}) =>
  ["/api/v1/namespaces/default/pods", { metadata: { name: "a", ...metadata }, spec }] as const;
const deployment = (spec: object) =>
  ["/apis/apps/v1/namespaces/default/deployments", { metadata: { name: "a" }, spec }] as const;
const core = (resource: string, object: object) =>
  [`/api/v1/namespaces/default/${resource}`, { metadata: { name: "a" }, ...object }] as const;

/** What is sent, and what the answer's message must hold, as upstream words it. */
const cases: [string, readonly [string, object], string][] = [
  ["no containers", pod({}), "spec.containers: Required value"],
  [
    "no name",
    pod({ containers: [container] }, { name: undefined }),
    "metadata.name: Required value: name or generateName is required",
  ],
  [
    "bad name",
    pod({ containers: [container] }, { name: "A_b" }),
    'metadata.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist of',
  ],
  [
    "bad label",
    pod({ containers: [container] }, { labels: { "a b": "c" } }),
    'metadata.labels: Invalid value: "a b": name part must consist of',
  ],
  ["twice a name", pod({ containers: [container, container] }), 'spec.containers[1].name: Duplicate value: "c"'],
  ["no image", pod({ containers: [{ name: "c" }] }), "spec.containers[0].image: Required value"],
  [
    "restart policy",
    pod({ containers: [container], restartPolicy: "Sometimes" }),
    'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
  ],
  [
    "port",
    pod({ containers: [{ ...container, ports: [{ containerPort: 70000 }] }] }),
    "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
  ],
  [
    "mount",
    pod({ containers: [{ ...container, volumeMounts: [{ name: "v", mountPath: "/v" }] }] }),
    'spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ],
  [
    "two sources",
    pod({ containers: [container], volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/" } }] }),
    "may not specify more than 1 volume type",
  ],
  [
    "probe",
    pod({ containers: [{ ...container, livenessProbe: {} }] }),
    "spec.containers[0].livenessProbe: Required value: must specify a handler type",
  ],
  [
    "request over limit",
    pod({ containers: [{ ...container, resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }] }),
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
  ],
  [
    "container over pod",
    pod({
      containers: [{ ...container, resources: { limits: { cpu: "2" } } }],
      resources: { limits: { cpu: "1" } },
    }),
    'spec.resources.limits[cpu]: Invalid value: "1": must be greater than or equal to the limit of any container',
  ],
  ["no selector", deployment({ template: template({ a: "b" }) }), "spec.selector: Required value"],
  [
    "labels",
    deployment({ selector: { matchLabels: { a: "b" } }, template: template({ a: "c" }) }),
    'spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`',
  ],
  [
    "replicas",
    deployment({ replicas: -1, selector: { matchLabels: { a: "b" } }, template: template({ a: "b" }) }),
    "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
  ],
  ["service ports", core("services", { spec: { ports: [] } }), "spec.ports: Required value"],
  [
    "service type",
    core("services", { spec: { type: "Some", ports: [{ port: 1 }] } }),
    'spec.type: Unsupported value: "Some": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  [
    "cluster ip",
    core("services", { spec: { clusterIP: "10.96.0.1", ports: [{ port: 1 }] } }),
    "failed to allocate IP 10.96.0.1: provided IP is already allocated",
  ],
  [
    "config key",
    core("configmaps", { data: { "a b": "c" } }),
    'data[a b]: Invalid value: "a b": a valid config key must consist of',
  ],
  ["tls", core("secrets", { type: "kubernetes.io/tls" }), "data[tls.crt]: Required value"],
];

test("what upstream refuses is refused in its words", async () => {
  await using cluster = await TestCluster.start();
  for (const [name, [url, object], message] of cases) {
    await assert.rejects(
      cluster.client.request({ method: "POST", url, body: new TextEncoder().encode(JSON.stringify(object)) }),
      (thrown) => {
        assert.ok(thrown instanceof StatusError, name);
        assert.equal(thrown.code, 422, `${name}: ${thrown.message}`);
        assert.ok(thrown.message.includes(message), `${name}: ${thrown.message}`);
        assert.ok((thrown.details?.causes?.length ?? 0) > 0, name);
        return true;
      },
    );
  }
});

test("what the nodes would not do is refused by field", async () => {
  await using cluster = await TestCluster.start();
  const volumeDevices = [{ name: "v", devicePath: "/dev/x" }];
  const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "a" } }];
  const specs: [string, object][] = [
    ["spec.hostUsers", { containers: [container], hostUsers: false }],
    ["spec.setHostnameAsFQDN", { containers: [container], setHostnameAsFQDN: true }],
    ["spec.containers[0].volumeDevices", { containers: [{ ...container, volumeDevices }], volumes }],
    [
      "spec.containers[0].securityContext.procMount",
      { containers: [{ ...container, securityContext: { procMount: "Unmasked" } }] },
    ],
  ];
  for (const [field, spec] of specs) {
    const [url, object] = pod(spec);
    const body = new TextEncoder().encode(JSON.stringify(object));
    await assert.rejects(cluster.client.request({ method: "POST", url, body }), (thrown: StatusError) => {
      assert.ok(thrown.message.includes(`${field}: Forbidden: the nodes of this cluster`), thrown.message);
      return true;
    });
  }
});

test("a pod's spec stays as it is, but for its images", async () => {
  await using cluster = await TestCluster.start();
  const [url, object] = pod({ containers: [container] });
  const send = (method: string, path: string, body: object, type = "application/merge-patch+json") =>
    cluster.client.request({
      method,
      url: path,
      headers: { "content-type": type },
      body: new TextEncoder().encode(JSON.stringify(body)),
    });
  await send("POST", url, object, "application/json");
  await send(
    "PATCH",
    `${url}/a`,
    { spec: { containers: [{ ...container, image: "x:2" }] } },
    "application/strategic-merge-patch+json",
  );
  await assert.rejects(
    send("PATCH", `${url}/a`, { spec: { hostNetwork: true } }),
    /pod updates may not change fields other than `spec.containers\[\*\].image`/,
  );
});
