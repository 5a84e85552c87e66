import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomResourceDefinition } from "@capstan/api/generated/apiextensions-v1";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { isReason, type KubeObject, type New, type Resource } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";

interface Widget extends KubeObject {
  spec: { size?: number; color?: string; parts?: { name: string; count?: number }[]; extra?: unknown };
  status?: { ready?: boolean };
}
const Widgets: Resource<Widget> = {
  group: "example.com",
  version: "v1",
  resource: "widgets",
  kind: "Widget",
  namespaced: true,
};

const definition = (): New<CustomResourceDefinition> => ({
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", kind: "Widget", shortNames: ["wd"] },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["size"],
                properties: {
                  size: { type: "integer", minimum: 1 },
                  color: { type: "string", default: "red", enum: ["red", "blue"] },
                  parts: {
                    type: "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    items: {
                      type: "object",
                      required: ["name"],
                      properties: { name: { type: "string" }, count: { type: "integer", default: 1 } },
                    },
                  },
                  extra: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
                },
              },
              status: { type: "object", properties: { ready: { type: "boolean" } } },
            },
          },
        },
      },
    ],
  },
});

test("a definition is served at once, pruned, defaulted and validated", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const made = await client.create(CustomResourceDefinitions, definition());
  assert.deepEqual(
    made.status?.conditions?.map(({ type, status }) => [type, status]),
    [
      ["NamesAccepted", "True"],
      ["Established", "True"],
    ],
  );
  const spec = { size: 2, parts: [{ name: "a" }], extra: { any: 1 }, unknown: true };
  const widget = await client.create(Widgets, { metadata: { namespace: "default", name: "a" }, spec });
  assert.deepEqual(widget.spec, { size: 2, color: "red", parts: [{ name: "a", count: 1 }], extra: { any: 1 } });
  assert.equal(widget.metadata.generation, 1);
  await assert.rejects(
    client.create(Widgets, { metadata: { namespace: "default", name: "b" }, spec: { size: 0, color: "green" } }),
    (thrown) => {
      assert.ok(isReason(thrown, "Invalid"));
      assert.match(
        thrown.message,
        /spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1/,
      );
      assert.match(thrown.message, /spec\.color: Unsupported value: "green": supported values: "red", "blue"/);
      return true;
    },
  );
});

test("status is written through its subresource alone", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(CustomResourceDefinitions, definition());
  const made = await client.create(Widgets, {
    metadata: { namespace: "default", name: "a" },
    spec: { size: 1 },
    status: { ready: true },
  } as New<Widget>);
  assert.equal(made.status, undefined);
  const done = await client.updateStatus(Widgets, { ...made, spec: { size: 9 }, status: { ready: true } });
  assert.deepEqual([done.spec.size, done.status, done.metadata.generation], [1, { ready: true }, 1]);
  const changed = await client.update(Widgets, { ...done, spec: { size: 3 } });
  assert.deepEqual([changed.spec.size, changed.status, changed.metadata.generation], [3, { ready: true }, 2]);
});

test("a deleted definition takes its objects along and is served no more", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(CustomResourceDefinitions, definition());
  const metadata = { namespace: "default", name: "a", finalizers: ["example.com/wait"] };
  await client.create(Widgets, { metadata, spec: { size: 1 } });
  await client.delete(CustomResourceDefinitions, { name: "widgets.example.com" });
  await cluster.until(Widgets, metadata, (widget) => widget?.metadata.deletionTimestamp !== undefined);
  await assert.rejects(
    client.create(Widgets, { metadata: { namespace: "default", name: "b" }, spec: { size: 1 } }),
    (thrown) => isReason(thrown, "MethodNotAllowed"),
  );
  const gone = cluster.until(CustomResourceDefinitions, { name: "widgets.example.com" }, (d) => d === undefined);
  await client.patch(Widgets, metadata, { type: "merge", body: { metadata: { finalizers: null } } });
  await gone;
  await assert.rejects(client.list(Widgets), (thrown) => isReason(thrown, "NotFound"));
});

test("names that another definition has are not accepted until it is gone", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(CustomResourceDefinitions, definition());
  const other = definition();
  other.metadata.name = "gadgets.example.com";
  other.spec.names = { plural: "gadgets", kind: "Widget" };
  const waiting = await client.create(CustomResourceDefinitions, other);
  assert.equal(waiting.status?.conditions?.[0]?.status, "False");
  await client.delete(CustomResourceDefinitions, { name: "widgets.example.com" });
  await cluster.until(
    CustomResourceDefinitions,
    { name: "gadgets.example.com" },
    (d) => d?.status?.conditions?.every(({ status }) => status === "True") ?? false,
  );
});
