import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, Service } from "@capstan/api/generated/core-v1";
import { type DataSource, makeEnvironment } from "./environment.ts";
import { expand } from "./expand.ts";
import { limitsOf, qosOf } from "./resources.ts";
import { serviceEnvironment } from "./service-env.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "n", uid: "u", labels: { b: "2", a: 'x"y' }, annotations: { "k/l": "v" } },
  spec: { nodeName: "node", serviceAccountName: "sa", containers: [] },
};
const data: DataSource = {
  configMap: async (_, name) => (name === "c" ? { k: "v", other: "w" } : undefined),
  secret: async (_, name) => (name === "s" ? { k: Buffer.from("hidden") } : undefined),
};
const make = async (container: Partial<Container>, services: Record<string, string> = {}) => {
  const options = { pod, container: { name: "c", ...container }, data, services };
  const addresses = { podIP: "10.1.0.2", hostIP: "10.0.0.1" };
  const env = await makeEnvironment({ ...options, addresses, allocatable: { cpu: 4, memory: 2 ** 30 } });
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
};

test("$(NAME) is replaced where the name is known", () => {
  const values: Record<string, string> = { A: "1", B: "$(A)" };
  const cases = [
    ["$(A)-$(B)", "1-$(A)"],
    ["$$(A) $$$(A)", "$(A) $1"],
    ["$(C) $A $( $()", "$(C) $A $( $()"],
  ];
  for (const [text = "", wanted] of cases)
    assert.equal(
      expand(text, (name) => values[name]),
      wanted,
    );
});

test("fields, resources, keys, and what was set before", async () => {
  const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
  const env = await make(
    {
      resources: { requests: { memory: "1Gi" } },
      envFrom: [{ configMapRef: { name: "c" } }, { prefix: "S_", secretRef: { name: "s" } }],
      env: [
        { name: "IP", ...field("status.podIP") },
        { name: "LABEL", ...field("metadata.labels['b']") },
        { name: "LABELS", ...field("metadata.labels") },
        { name: "SA", ...field("spec.serviceAccountName") },
        { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "MEM", valueFrom: { resourceFieldRef: { resource: "requests.memory", divisor: "1Mi" } } },
        { name: "URL", value: "http://$(IP):$(SVC_PORT)/$(k)" },
        { name: "NONE", valueFrom: { configMapKeyRef: { name: "absent", key: "k", optional: true } } },
      ],
    },
    { SVC_PORT: "80", k: "hidden by the ConfigMap" },
  );
  assert.deepEqual(env, {
    k: "v",
    other: "w",
    S_k: "hidden",
    IP: "10.1.0.2",
    LABEL: "2",
    LABELS: 'a="x\\"y"\nb="2"',
    SA: "sa",
    CPU: "4",
    MEM: "1024",
    URL: "http://10.1.0.2:80/hidden by the ConfigMap",
    SVC_PORT: "80",
  });
});

test("what is missing is named", async () => {
  const key = (name: string, key: string) =>
    make({ env: [{ name: "X", valueFrom: { configMapKeyRef: { name, key } } }] });
  await assert.rejects(key("none", "k"), /^Error: configmap "none" not found$/);
  await assert.rejects(key("c", "none"), /^Error: couldn't find key none in ConfigMap n\/c$/);
  await assert.rejects(make({ envFrom: [{ secretRef: { name: "none" } }] }), /^Error: secret "none" not found$/);
  await assert.rejects(
    make({ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath: "spec.x" } } }] }),
    /unsupported fieldPath: spec.x/,
  );
});

test("services of the namespace, and kubernetes always", () => {
  const service = (namespace: string, name: string, clusterIP: string): Service => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace, name },
    spec: { clusterIP, ports: [{ name: "http-x", port: 80, protocol: "TCP" }] },
  });
  const all = [
    service("default", "kubernetes", "10.96.0.1"),
    service("n", "my-web", "10.96.0.9"),
    service("n", "headless", "None"),
    service("m", "far", "10.96.0.8"),
  ];
  const env = serviceEnvironment(all, "n", true);
  assert.equal(env.MY_WEB_SERVICE_HOST, "10.96.0.9");
  assert.equal(env.MY_WEB_SERVICE_PORT_HTTP_X, "80");
  assert.equal(env.MY_WEB_PORT_80_TCP, "tcp://10.96.0.9:80");
  assert.equal(env.KUBERNETES_SERVICE_PORT, "80");
  assert.ok(!Object.keys(env).some((name) => /^(HEADLESS|FAR)/.test(name)));
  assert.deepEqual(
    Object.keys(serviceEnvironment(all, "n", false)).filter((name) => name.startsWith("MY_")),
    [],
  );
});

test("quality of service, and the limits that follow", () => {
  const of = (resources: Container["resources"]) =>
    ({ ...pod, spec: { ...pod.spec, containers: [{ name: "c", resources }] } }) as Pod;
  const full = { cpu: "500m", memory: "64Mi" };
  assert.equal(qosOf(of({})), "BestEffort");
  assert.equal(qosOf(of({ limits: full })), "Guaranteed");
  assert.equal(qosOf(of({ limits: full, requests: { cpu: "100m" } })), "Burstable");
  const limits = (resources: Container["resources"]) => limitsOf(of(resources), { name: "c", resources }, 2 ** 30, 10);
  assert.deepEqual(limits({ limits: full }), {
    cpuShares: 512,
    cpuLimit: 0.5,
    memoryLimit: 2 ** 26,
    pidsLimit: 10,
    oomScoreAdjust: -997,
  });
  assert.deepEqual(limits({}), { cpuShares: 2, pidsLimit: 10, oomScoreAdjust: 1000 });
  assert.equal(limits({ requests: { memory: "512Mi" } }).oomScoreAdjust, 500);
});
