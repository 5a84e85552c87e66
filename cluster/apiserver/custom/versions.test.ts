import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomResourceDefinition } from "@capstan/api/generated/apiextensions-v1";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { isReason, type KubeObject, type New, type Resource } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";

interface Gadget extends KubeObject {
  spec?: { a?: string; port?: number | string; template?: object; on?: boolean | null };
}
const gadgets = (version: string): Resource<Gadget> => ({
  group: "example.com",
  version,
  resource: "gadgets",
  kind: "Gadget",
  namespaced: false,
});
const version = (
  name: string,
  storage: boolean,
  properties: object,
): CustomResourceDefinition["spec"]["versions"][number] => ({
  name,
  served: true,
  storage,
  selectableFields: [{ jsonPath: ".spec.a" }],
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: { spec: { type: "object", properties: { a: { type: "string" }, ...properties } } },
    },
  },
});
const definition = (...versions: CustomResourceDefinition["spec"]["versions"]): New<CustomResourceDefinition> => ({
  metadata: { name: "gadgets.example.com" },
  spec: { group: "example.com", scope: "Cluster", names: { plural: "gadgets", kind: "Gadget" }, versions },
});

test("what is written in one version is read, listed and watched in another", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(CustomResourceDefinitions, definition(version("v1beta1", false, {}), version("v1", true, {})));
  const stop = new AbortController();
  const events = client
    .watch(gadgets("v1beta1"), { signal: AbortSignal.any([cluster.signal, stop.signal]) })
    [Symbol.asyncIterator]();
  await client.create(gadgets("v1beta1"), { metadata: { name: "g" }, spec: { a: "x" } });
  assert.equal((await client.get(gadgets("v1"), { name: "g" })).apiVersion, "example.com/v1");
  assert.equal((await client.list(gadgets("v1beta1"))).items[0]?.apiVersion, "example.com/v1beta1");
  for (;;) {
    const { value } = await events.next();
    if (value?.type !== "ADDED") continue;
    assert.equal(value.object.apiVersion, "example.com/v1beta1");
    break;
  }
  stop.abort();
  const answer = await client.request({ url: "/apis/example.com" });
  const group = JSON.parse(new TextDecoder().decode(answer.body as Uint8Array));
  assert.deepEqual(
    group.versions.map((v: { version: string }) => v.version),
    ["v1", "v1beta1"],
  );
});

test("selectable fields select", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(CustomResourceDefinitions, definition(version("v1", true, {})));
  for (const a of ["x", "y"]) await client.create(gadgets("v1"), { metadata: { name: a }, spec: { a } });
  const { items } = await client.list(gadgets("v1"), { fieldSelector: "spec.a=y" });
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["y"],
  );
  await assert.rejects(client.list(gadgets("v1"), { fieldSelector: "spec.b=y" }), (thrown) =>
    isReason(thrown, "BadRequest"),
  );
});

test("pages of a list by a kind's own fields", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(CustomResourceDefinitions, definition(version("v1", true, {})));
  for (let i = 0; i < 9; i++)
    await client.create(gadgets("v1"), { metadata: { name: `n${i}` }, spec: { a: i % 2 === 0 ? "even" : "odd" } });
  const pages: string[][] = [];
  let token: string | undefined;
  do {
    const page = await client.list(gadgets("v1"), {
      fieldSelector: "spec.a=even",
      limit: 2,
      ...(token ? { continue: token } : {}),
    });
    pages.push(page.items.map((item) => item.metadata.name));
    token = page.continue || undefined;
  } while (token);
  assert.deepEqual(pages, [["n0", "n2"], ["n4", "n6"], ["n8"]]);
});

test("watches end when their definition changes or goes, after what happened before", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const made = await client.create(CustomResourceDefinitions, definition(version("v1", true, {})));
  const signal = AbortSignal.timeout(10_000);
  const watched = async (types: string[]) => {
    for await (const { type } of client.watch(gadgets("v1"), { resourceVersion: "0", signal })) types.push(type);
  };
  const first: string[] = [];
  const ended = watched(first);
  await client.create(gadgets("v1"), { metadata: { name: "a" }, spec: { a: "x" } });
  const versions = [version("v1", true, { on: { type: "boolean" } })];
  await client.update(CustomResourceDefinitions, { ...made, spec: { ...made.spec, versions } });
  await ended;
  assert.deepEqual(first, ["ADDED"]);
  const second: string[] = [];
  const over = watched(second);
  await client.delete(CustomResourceDefinitions, { name: made.metadata.name });
  await over;
  assert.deepEqual(second, ["ADDED", "DELETED"]);
  assert.equal(signal.aborted, false);
});

test("a changed definition holds at once, and a version no longer served is gone", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const made = await client.create(
    CustomResourceDefinitions,
    definition(version("v1", true, {}), version("v2", false, {})),
  );
  const spec = { a: "x", on: true };
  assert.deepEqual((await client.create(gadgets("v1"), { metadata: { name: "a" }, spec })).spec, { a: "x" });
  const [, second] = made.spec.versions;
  const versions = [
    version("v1", true, { on: { type: "boolean" } }),
    { ...second, served: false } as (typeof made.spec.versions)[number],
  ];
  await client.update(CustomResourceDefinitions, { ...made, spec: { ...made.spec, versions } });
  assert.deepEqual((await client.create(gadgets("v1"), { metadata: { name: "b" }, spec })).spec, spec);
  await assert.rejects(client.list(gadgets("v2")), (thrown) => isReason(thrown, "NotFound"));
});

test("int-or-string, nullable and embedded objects", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const properties = {
    port: { "x-kubernetes-int-or-string": true },
    on: { type: "boolean", nullable: true },
    template: { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true },
  };
  await client.create(CustomResourceDefinitions, definition(version("v1", true, properties)));
  const template = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", bogus: 1 }, spec: { any: true } };
  const made = await client.create(gadgets("v1"), {
    metadata: { name: "a" },
    spec: { port: "http", on: null, template },
  });
  assert.deepEqual(made.spec, { port: "http", on: null, template: { ...template, metadata: { name: "p" } } });
  await client.create(gadgets("v1"), { metadata: { name: "b" }, spec: { port: 80 } });
  await assert.rejects(
    client.create(gadgets("v1"), { metadata: { name: "c" }, spec: { port: true as never } }),
    /must be of type integer,string: "boolean"/,
  );
});

const wrong: [string, (d: New<CustomResourceDefinition>) => void, RegExp][] = [
  [
    "name",
    (d) => Object.assign(d.metadata, { name: "other" }),
    /metadata\.name: Invalid value: "other": must be spec\.names\.plural\+"\."\+spec\.group/,
  ],
  [
    "no storage",
    (d) => Object.assign(d.spec.versions[0] ?? {}, { storage: false }),
    /must have exactly one version marked as storage version/,
  ],
  [
    "no schema",
    (d) => void delete d.spec.versions[0]?.schema,
    /spec\.versions\[0\]\.schema\.openAPIV3Schema: Required value/,
  ],
  [
    "untyped field",
    (d) => Object.assign(d.spec.versions[0]?.schema?.openAPIV3Schema?.properties ?? {}, { x: {} }),
    /openAPIV3Schema\.properties\[x\]\.type: Required value: must not be empty for specified object fields/,
  ],
  [
    "webhook",
    (d) => {
      d.spec.versions.push(version("v2", false, {}));
      Object.assign(d.spec, { conversion: { strategy: "Webhook" } });
    },
    /spec\.conversion\.webhookClientConfig: Required value/,
  ],
  [
    "scope",
    (d) => Object.assign(d.spec, { scope: "Other" }),
    /spec\.scope: Unsupported value: "Other": supported values: "Cluster", "Namespaced"/,
  ],
];

test("a definition that cannot be served says why", async () => {
  await using cluster = await TestCluster.start();
  for (const [name, spoil, message] of wrong) {
    const bad = definition(version("v1", true, {}));
    spoil(bad);
    await assert.rejects(cluster.client.create(CustomResourceDefinitions, bad), message, name);
  }
});
