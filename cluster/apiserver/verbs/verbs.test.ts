import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CertificateSigningRequests,
  ConfigMaps,
  Deployments,
  Namespaces,
  Pods,
  Services,
} from "@capstan/api/generated/resources";
import { isReason, StatusError } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";

const ref = { namespace: "default", name: "a" };
const spec = { containers: [{ name: "c", image: "x:1" }] };
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

test("pages of a list are of one revision, in order, with what remains", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  for (let i = 0; i < 7; i++) await client.create(ConfigMaps, { metadata: { namespace: "default", name: `c${i}` } });
  const first = await client.list(ConfigMaps, { namespace: "default", limit: 3 });
  await client.create(ConfigMaps, { metadata: { namespace: "default", name: "c5a" } });
  const second = await client.list(ConfigMaps, { namespace: "default", limit: 3, continue: first.continue ?? "" });
  const third = await client.list(ConfigMaps, { namespace: "default", limit: 3, continue: second.continue ?? "" });
  const names = [first, second, third].map(({ items }) => items.map(({ metadata }) => metadata.name));
  assert.deepEqual(names, [["c0", "c1", "c2"], ["c3", "c4", "c5"], ["c6"]]);
  assert.equal(second.resourceVersion, first.resourceVersion);
  assert.equal(third.continue, undefined);
});

test("a pod ends gracefully, and at once when nobody runs it", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(Pods, { metadata: ref, spec });
  await client.delete(Pods, ref);
  assert.equal(await client.find(Pods, ref), undefined);
  await client.create(Pods, { metadata: ref, spec: { ...spec, nodeName: "n" } });
  await client.delete(Pods, ref, { gracePeriodSeconds: 10 });
  const ending = await client.get(Pods, ref);
  assert.equal(ending.metadata.deletionGracePeriodSeconds, 10);
  assert.ok(Date.parse(ending.metadata.deletionTimestamp ?? "") > Date.now());
  await client.delete(Pods, ref, { gracePeriodSeconds: 60 });
  assert.equal((await client.get(Pods, ref)).metadata.deletionGracePeriodSeconds, 10);
  await assert.rejects(client.delete(Pods, ref, { preconditions: { uid: "other" } }), (thrown) =>
    isReason(thrown, "Conflict"),
  );
  await client.delete(Pods, ref, { gracePeriodSeconds: 0 });
  assert.equal(await client.find(Pods, ref), undefined);
});

test("finalizers keep an object until the last is gone", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(ConfigMaps, { metadata: { ...ref, finalizers: ["a.b/c"] } });
  await client.delete(ConfigMaps, ref, { propagationPolicy: "Foreground" });
  const waiting = await client.get(ConfigMaps, ref);
  assert.deepEqual(waiting.metadata.finalizers, ["a.b/c", "foregroundDeletion"]);
  await assert.rejects(
    client.patch(ConfigMaps, ref, { type: "merge", body: { metadata: { finalizers: ["a.b/c", "d.e/f"] } } }),
    /no new finalizers can be added if the object is being deleted/,
  );
  await client.patch(ConfigMaps, ref, { type: "merge", body: { metadata: { finalizers: null } } });
  assert.equal(await client.find(ConfigMaps, ref), undefined);
});

test("a namespace goes when its own finalizer is taken away", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(Namespaces, { metadata: { name: "n" }, spec: {} });
  await client.delete(Namespaces, { name: "n" });
  const ending = await client.get(Namespaces, { name: "n" });
  assert.deepEqual([ending.status?.phase, ending.spec.finalizers], ["Terminating", ["kubernetes"]]);
  await client.update(Namespaces, { ...ending, spec: { finalizers: [] } }, { subresource: "finalize" });
  assert.equal(await client.find(Namespaces, { name: "n" }), undefined);
});

test("generateName, generation, and a write without effect", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const template = { metadata: { labels: { a: "b" } }, spec };
  const selector = { matchLabels: { a: "b" } };
  const made = await client.create(Deployments, {
    metadata: { namespace: "default", generateName: "d-" },
    spec: { selector, template },
  });
  assert.match(made.metadata.name, /^d-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  const same = await client.update(Deployments, made);
  assert.equal(same.metadata.resourceVersion, made.metadata.resourceVersion);
  const labelled = await client.update(Deployments, { ...made, metadata: { ...made.metadata, labels: { x: "y" } } });
  assert.equal(labelled.metadata.generation, 1);
  const scaled = await client.update(Deployments, { ...labelled, spec: { ...labelled.spec, replicas: 5 } });
  assert.equal(scaled.metadata.generation, 2);
});

test("dry runs change nothing, and give addresses back", async () => {
  await using cluster = await TestCluster.start();
  const { client, store } = cluster;
  const before = store.revision;
  const service = { metadata: ref, spec: { clusterIP: "10.96.1.2", ports: [{ port: 80 }] } };
  const dry = await client.create(Services, service, { dryRun: true });
  assert.equal(dry.spec.clusterIP, "10.96.1.2");
  assert.equal(store.revision, before);
  await client.create(Services, service);
  await client.delete(Services, ref);
  assert.equal((await client.create(Services, service)).spec.clusterIP, "10.96.1.2");
});

test("a service keeps its address and ports through an update that leaves them out", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const made = await client.create(Services, { metadata: ref, spec: { type: "NodePort", ports: [{ port: 80 }] } });
  const next = await client.update(Services, {
    ...made,
    spec: { type: "NodePort", ports: [{ port: 80, targetPort: 8080 }] },
  });
  assert.equal(next.spec.clusterIP, made.spec.clusterIP);
  assert.equal(next.spec.ports?.[0]?.nodePort, made.spec.ports?.[0]?.nodePort);
  const plain = await client.update(Services, { ...next, spec: { type: "ClusterIP", ports: [{ port: 80 }] } });
  assert.equal(plain.spec.ports?.[0]?.nodePort, undefined);
});

test("a pod is bound once", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(Pods, { metadata: ref, spec });
  const bind = (node: string) =>
    client.request({
      method: "POST",
      url: "/api/v1/namespaces/default/pods/a/binding",
      body: encode({ target: { kind: "Node", name: node } }),
    });
  await bind("n1");
  assert.equal((await client.get(Pods, ref)).spec.nodeName, "n1");
  await assert.rejects(bind("n2"), /pod a is already assigned to node "n1"/);
});

test("an approval changes the conditions alone", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const made = await client.create(CertificateSigningRequests, {
    metadata: { name: "r" },
    spec: {
      request: btoa("-----BEGIN CERTIFICATE REQUEST-----"),
      signerName: "kubernetes.io/kube-apiserver-client",
      usages: ["client auth"],
    },
  });
  const conditions = [{ type: "Approved", status: "True", reason: "Test", message: "yes" }];
  const next = {
    ...made,
    spec: { ...made.spec, signerName: "other" },
    status: { conditions, certificate: btoa("no") },
  };
  const done = await client.update(CertificateSigningRequests, next, { subresource: "approval" });
  assert.equal(done.spec.signerName, "kubernetes.io/kube-apiserver-client");
  assert.deepEqual([done.status?.conditions?.[0]?.type, done.status?.certificate], ["Approved", undefined]);
});

test("many writers of one object: every increment counts", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(ConfigMaps, { metadata: ref, data: {} });
  const write = (i: number) => client.patch(ConfigMaps, ref, { type: "merge", body: { data: { [`k${i}`]: "v" } } });
  await Promise.all(Array.from({ length: 4 }, (_, i) => write(i)));
  assert.equal(Object.keys((await client.get(ConfigMaps, ref)).data ?? {}).length, 4);
});

const bad: [string, { method?: string; url: string; body?: Uint8Array; type?: string }, number, RegExp][] = [
  [
    "too large",
    { method: "POST", url: "/api/v1/namespaces/default/configmaps", body: new Uint8Array(3 * 1024 * 1024 + 1) },
    413,
    /limit is 3145728/,
  ],
  [
    "not JSON",
    { method: "POST", url: "/api/v1/namespaces/default/configmaps", body: encode("{").slice(1, 2) },
    400,
    /json parse error: unexpected end of JSON input/,
  ],
  [
    "too deep",
    {
      method: "POST",
      url: "/api/v1/namespaces/default/configmaps",
      body: new TextEncoder().encode("[".repeat(5000) + "]".repeat(5000)),
    },
    400,
    /limit of 512 levels/,
  ],
  [
    "prototype",
    {
      method: "POST",
      url: "/api/v1/namespaces/default/configmaps",
      body: new TextEncoder().encode('{"__proto__":{"a":1}}'),
    },
    400,
    /__proto__/,
  ],
  [
    "integer",
    {
      method: "POST",
      url: "/api/v1/namespaces/default/configmaps",
      body: new TextEncoder().encode('{"spec":{"x":9007199254740993}}'),
    },
    400,
    /spec\.x: integers must lie between/,
  ],
  [
    "media type",
    { method: "POST", url: "/api/v1/namespaces/default/configmaps", body: encode({}), type: "text/plain" },
    415,
    /accepted media types include/,
  ],
  [
    "patch type",
    { method: "PATCH", url: "/api/v1/namespaces/default", body: encode({}), type: "application/json" },
    415,
    /415: Unsupported Media Type/,
  ],
  [
    "many operations",
    {
      method: "PATCH",
      url: "/api/v1/namespaces/default",
      body: encode(Array.from({ length: 10_001 }, () => ({ op: "test", path: "", value: 1 }))),
      type: "application/json-patch+json",
    },
    413,
    /allowed maximum operations in a JSON patch is 10000/,
  ],
  ["label selector", { url: "/api/v1/pods?labelSelector=a%3Db%3Dc" }, 400, /expected: ',' or 'end of string'/],
  ["field selector", { url: "/api/v1/pods?fieldSelector=spec.image%3Dx" }, 400, /field label not supported/],
  ["limit", { url: "/api/v1/pods?limit=x" }, 400, /strconv.ParseInt/],
  ["continue", { url: "/api/v1/pods?continue=zzz" }, 400, /continue key is not valid/],
  ["path", { url: "/api/v1/%E0%A4%A" }, 400, /not valid percent-encoding/],
  ["unknown resource", { url: "/api/v1/nothings" }, 404, /could not find the requested resource/],
  ["method", { method: "POST", url: "/api/v1/namespaces/default" }, 405, /does not allow this method/],
];

test("bad input is refused with its reason", async () => {
  await using cluster = await TestCluster.start();
  for (const [name, { method = "GET", url, body, type }, code, message] of bad) {
    const headers: Record<string, string> = type ? { "content-type": type } : {};
    await assert.rejects(cluster.client.request({ method, url, headers, ...(body ? { body } : {}) }), (thrown) => {
      assert.ok(thrown instanceof StatusError, name);
      assert.equal(thrown.code, code, `${name}: ${thrown.message}`);
      assert.match(thrown.message, message, name);
      return true;
    });
  }
});
