import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CustomResourceDefinitions, EndpointSlices, Namespaces, Services } from "@capstan/api/generated/resources";
import { isReason, type KubeObject, type Resource, StatusError } from "@capstan/api/meta";
import { openAuthority } from "@capstan/core/pki";
import { serve } from "@capstan/core/wire";
import { TestCluster } from "@capstan/testing/cluster";

interface Tap extends KubeObject {
  spec?: { host?: string; port?: number; address?: string };
}
const taps = (version: string): Resource<Tap> => ({
  group: "example.com",
  version,
  resource: "taps",
  kind: "Tap",
  namespaced: true,
});

interface Review {
  request: { uid: string; desiredAPIVersion: string; objects: Tap[] };
}

/** Version 1 has host and port, version 2 an address of both. */
function convertTap(tap: Tap, apiVersion: string): Tap {
  const { host, port, address } = tap.spec ?? {};
  if (apiVersion.endsWith("/v2")) return { ...tap, apiVersion, spec: { address: `${host}:${port}` } };
  const [name = "", number = ""] = (address ?? "").split(":");
  return { ...tap, apiVersion, spec: { host: name, port: Number(number) } };
}

/** A webhook server; what it answers can be replaced. */
async function startHook() {
  const directory = await mkdtemp(join(tmpdir(), "capstan-conversion-"));
  const authority = await openAuthority({ directory });
  const hosts = ["127.0.0.1", "convert.tools.svc"];
  const tls = await authority.issue({ commonName: "hook", hosts, usages: ["server"] });
  const hook = {
    batches: [] as number[],
    answer: ({ request }: Review): object => ({
      uid: request.uid,
      result: { status: "Success" },
      convertedObjects: request.objects.map((tap) => convertTap(tap, request.desiredAPIVersion)),
    }),
  };
  const server = await serve({
    port: 0,
    tls,
    handler: async ({ body }) => {
      const review: Review = JSON.parse(Buffer.from((body as Uint8Array) ?? []).toString());
      hook.batches.push(review.request.objects.length);
      const answer = {
        kind: "ConversionReview",
        apiVersion: "apiextensions.k8s.io/v1",
        response: hook.answer(review),
      };
      return { status: 200, headers: {}, body: JSON.stringify(answer) };
    },
  });
  return Object.assign(hook, {
    url: server.url,
    caBundle: Buffer.from(authority.cert).toString("base64"),
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(directory, { recursive: true });
    },
  });
}

const properties = {
  v1: { host: { type: "string" }, port: { type: "integer" } },
  v2: { address: { type: "string" } },
};
const version = (name: "v1" | "v2", storage: boolean) => ({
  name,
  served: true,
  storage,
  selectableFields: [{ jsonPath: name === "v1" ? ".spec.host" : ".spec.address" }],
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: { spec: { type: "object", properties: properties[name] } },
    },
  },
});
const definition = (clientConfig: object) => ({
  metadata: { name: "taps.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced" as const,
    names: { plural: "taps", kind: "Tap" },
    versions: [version("v1", true), version("v2", false)],
    conversion: { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } },
  },
});
const at = { namespace: "default", name: "a" };

async function startWithTaps() {
  const hook = await startHook();
  const cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(CustomResourceDefinitions, definition({ url: hook.url, caBundle: hook.caBundle }));
  return {
    hook,
    cluster,
    client,
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await hook[Symbol.asyncDispose]();
    },
  };
}

test("a webhook converts what is written, read, listed, selected, patched and deleted", async () => {
  await using world = await startWithTaps();
  const { client, hook } = world;
  const made = await client.create(taps("v2"), { metadata: at, spec: { address: "x:1" } });
  assert.deepEqual(made.spec, { address: "x:1" });
  const stored = await client.get(taps("v1"), at);
  assert.deepEqual([stored.apiVersion, stored.spec], ["example.com/v1", { host: "x", port: 1 }]);
  await client.create(taps("v1"), { metadata: { namespace: "default", name: "b" }, spec: { host: "y", port: 2 } });
  assert.deepEqual((await client.get(taps("v2"), at)).metadata, stored.metadata);
  hook.batches.length = 0;
  const { items } = await client.list(taps("v2"));
  assert.deepEqual(
    items.map(({ apiVersion, spec }) => [apiVersion, spec?.address]),
    [
      ["example.com/v2", "x:1"],
      ["example.com/v2", "y:2"],
    ],
  );
  assert.deepEqual(hook.batches, [2], "one review for the whole list");
  const chosen = await client.list(taps("v2"), { fieldSelector: "spec.address=y:2" });
  assert.deepEqual(
    chosen.items.map(({ metadata }) => metadata.name),
    ["b"],
  );
  const patched = await client.patch(taps("v2"), at, { type: "merge", body: { spec: { address: "z:3" } } });
  assert.equal(patched.metadata.generation, 2);
  assert.deepEqual((await client.get(taps("v1"), at)).spec, { host: "z", port: 3 });
  await client.delete(taps("v2"), at);
  assert.equal(await client.find(taps("v1"), at), undefined);
});

test("a watch converts what was there and what comes, and follows selectable fields", async () => {
  await using world = await startWithTaps();
  const { client, cluster } = world;
  await client.create(taps("v1"), { metadata: at, spec: { host: "x", port: 1 } });
  const watching = client.watch(taps("v2"), { fieldSelector: "spec.address=x:1", signal: cluster.signal });
  const seen: unknown[] = [];
  for await (const event of watching) {
    if (event.type !== "BOOKMARK") seen.push([event.type, event.object.apiVersion, event.object.spec?.address]);
    if (seen.length === 1) await client.patch(taps("v1"), at, { type: "merge", body: { spec: { port: 2 } } });
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, [
    ["ADDED", "example.com/v2", "x:1"],
    ["DELETED", "example.com/v2", "x:1"],
  ]);
});

test("a failing webhook answers 500 with what it said, and writes nothing", async () => {
  await using world = await startWithTaps();
  const { client, hook } = world;
  await client.create(taps("v1"), { metadata: at, spec: { host: "x", port: 1 } });
  const uid = ({ request }: Review) => request.uid;
  const cases: [(review: Review) => object, RegExp][] = [
    [
      (review) => ({ uid: uid(review), result: { status: "Failure", message: "no taps" } }),
      /^conversion webhook for example.com\/v1, Kind=Tap failed: no taps$/,
    ],
    [(review) => ({ uid: uid(review), result: {} }), /failed: response.result.status was '', not 'Success'/],
    [
      (review) => ({ uid: uid(review), result: { status: "Success" }, convertedObjects: [] }),
      /returned 0 objects, expected 1/,
    ],
    [() => ({ uid: "other", result: { status: "Success" } }), /expected response.uid=/],
    [
      (review) => ({ uid: uid(review), result: { status: "Success" }, convertedObjects: review.request.objects }),
      /invalid groupVersion \(expected example.com\/v2, received example.com\/v1\)/,
    ],
  ];
  for (const [answer, message] of cases) {
    hook.answer = answer;
    for (const run of [() => client.get(taps("v2"), at), () => client.list(taps("v2"))]) {
      await assert.rejects(run(), (thrown) => {
        assert.ok(thrown instanceof StatusError);
        assert.match(thrown.message, message);
        return thrown.code === 500;
      });
    }
  }
  const refused = client.create(taps("v2"), {
    metadata: { namespace: "default", name: "c" },
    spec: { address: "y:1" },
  });
  await assert.rejects(refused, /Kind=Tap returned invalid converted object/);
  assert.equal((await client.list(taps("v1"))).items.length, 1);
});

test("the stored version may change: old objects are converted, and it stays among the stored until taken out", async () => {
  await using world = await startWithTaps();
  const { client } = world;
  await client.create(taps("v1"), { metadata: at, spec: { host: "x", port: 1 } });
  const name = { name: "taps.example.com" };
  const crd = await client.get(CustomResourceDefinitions, name);
  crd.spec.versions = [version("v1", false), version("v2", true)] as typeof crd.spec.versions;
  const changed = await client.update(CustomResourceDefinitions, crd);
  assert.deepEqual(changed.status?.storedVersions, ["v1", "v2"]);
  assert.deepEqual((await client.get(taps("v2"), at)).spec, { address: "x:1" });
  assert.deepEqual((await client.get(taps("v1"), at)).spec, { host: "x", port: 1 });
  await client.patch(taps("v1"), at, { type: "merge", body: { metadata: { labels: { moved: "yes" } } } });
  const only = structuredClone(changed);
  only.spec.versions = [version("v2", true)] as typeof crd.spec.versions;
  await assert.rejects(client.update(CustomResourceDefinitions, only), (thrown) => isReason(thrown, "Invalid"));
  if (changed.status) changed.status.storedVersions = ["v2"];
  await client.updateStatus(CustomResourceDefinitions, changed);
  const last = await client.get(CustomResourceDefinitions, name);
  last.spec.versions = [version("v2", true)] as typeof crd.spec.versions;
  await client.update(CustomResourceDefinitions, last);
  assert.deepEqual((await client.get(taps("v2"), at)).spec, { address: "x:1" });
});

test("a Service leads to the webhook, and its certificate must be that Service's", async () => {
  await using hook = await startHook();
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const { hostname, port } = new URL(hook.url);
  await client.create(Namespaces, { metadata: { name: "tools" }, spec: {} });
  const service = { namespace: "tools", name: "convert" };
  const ports = [{ name: "https", port: 443, targetPort: Number(port) }];
  for (const name of ["convert", "other"]) {
    await client.create(Services, { metadata: { namespace: "tools", name }, spec: { ports } });
    await client.create(EndpointSlices, {
      metadata: { namespace: "tools", name, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: [{ addresses: [hostname] }],
      ports: [{ name: "https", port: Number(port) }],
    });
  }
  await client.create(CustomResourceDefinitions, definition({ service, caBundle: hook.caBundle }));
  await client.create(taps("v2"), { metadata: at, spec: { address: "x:1" } });
  assert.deepEqual((await client.get(taps("v1"), at)).spec, { host: "x", port: 1 });
  const crd = await client.get(CustomResourceDefinitions, { name: "taps.example.com" });
  const clientConfig = { service: { ...service, name: "other" }, caBundle: hook.caBundle };
  crd.spec.conversion = { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } };
  await client.update(CustomResourceDefinitions, crd);
  await assert.rejects(
    client.get(taps("v2"), at),
    /conversion webhook for example.com\/v1, Kind=Tap failed: .*other\.tools\.svc/,
  );
});

test("a definition says where its webhook is", async () => {
  await using cluster = await TestCluster.start();
  const refused = async (conversion: object, message: RegExp) => {
    const crd = definition({ url: "https://127.0.0.1" });
    Object.assign(crd.spec, { conversion });
    await assert.rejects(cluster.client.create(CustomResourceDefinitions, crd), message);
  };
  await refused({ strategy: "Webhook" }, /spec.conversion.webhookClientConfig: Required value: required when strategy/);
  const versions = { conversionReviewVersions: ["v1"] };
  await refused({ strategy: "Webhook", webhook: { clientConfig: {}, ...versions } }, /exactly one of url or service/);
  const clientConfig = { url: "http://x" };
  await refused(
    { strategy: "Webhook", webhook: { clientConfig, ...versions } },
    /'https' is the only allowed URL scheme/,
  );
  await refused(
    { strategy: "None", webhook: { ...versions } },
    /should not be set when strategy is not set to Webhook/,
  );
  const far = { clientConfig: { url: "https://x" }, conversionReviewVersions: ["v9"] };
  await refused({ strategy: "Webhook", webhook: far }, /must include at least one of v1, v1beta1/);
});
