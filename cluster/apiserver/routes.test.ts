import assert from "node:assert/strict";
import { test } from "node:test";
import { TestCluster } from "@capstan/testing/cluster";

async function read(cluster: TestCluster, url: string, headers: Record<string, string> = {}) {
  const answer = await cluster.client.request({ url, headers });
  const text = answer.body instanceof Uint8Array ? new TextDecoder().decode(answer.body) : String(answer.body ?? "");
  return { ...answer, text, json: () => JSON.parse(text) };
}
type Loose = Record<string, never>;

test("aggregated discovery echoes the version that was asked for, and knows its entity tag", async () => {
  await using cluster = await TestCluster.start();
  for (const version of ["v2", "v2beta1"]) {
    const accept = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    const answer = await read(cluster, "/apis", { accept: `${accept},application/json` });
    assert.equal(answer.headers["content-type"], accept);
    const { apiVersion, items } = answer.json();
    assert.equal(apiVersion, `apidiscovery.k8s.io/${version}`);
    const apps = items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === "apps");
    const deployments = apps.versions[0].resources.find(
      ({ resource }: { resource: string }) => resource === "deployments",
    );
    assert.deepEqual(deployments.responseKind, { group: "", version: "", kind: "Deployment" });
    assert.deepEqual(deployments.subresources[0].responseKind, { group: "autoscaling", version: "v1", kind: "Scale" });
    const again = await read(cluster, "/apis", { accept, "if-none-match": answer.headers.etag ?? "" });
    assert.equal(again.status, 304);
  }
});

test("legacy discovery", async () => {
  await using cluster = await TestCluster.start();
  assert.deepEqual((await read(cluster, "/api")).json().versions, ["v1"]);
  const groups = (await read(cluster, "/apis")).json().groups as { name: string; preferredVersion: Loose }[];
  assert.equal(groups.find(({ name }) => name === "autoscaling")?.preferredVersion.groupVersion, "autoscaling/v2");
  const { resources } = (await read(cluster, "/api/v1")).json();
  const names = resources.map(({ name }: { name: string }) => name);
  for (const name of ["pods", "pods/log", "pods/exec", "serviceaccounts/token", "namespaces/finalize"])
    assert.ok(names.includes(name), name);
});

test("every reference of every OpenAPI document leads somewhere", async () => {
  await using cluster = await TestCluster.start();
  const { paths } = (await read(cluster, "/openapi/v3")).json() as {
    paths: Record<string, { serverRelativeURL: string }>;
  };
  for (const [root, { serverRelativeURL }] of Object.entries(paths)) {
    const { text, json } = await read(cluster, serverRelativeURL);
    const { schemas } = json().components;
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      assert.ok(schemas[name ?? ""], `${root}: ${name}`);
  }
  const { text, json } = await read(cluster, "/openapi/v2");
  const { definitions } = json();
  for (const [, name] of text.matchAll(/"#\/definitions\/([^"]+)"/g)) assert.ok(definitions[name ?? ""], name);
});

test("patches tell that fields are validated, and lists their keys", async () => {
  await using cluster = await TestCluster.start();
  const { paths, components } = (await read(cluster, "/openapi/v3/apis/apps/v1")).json();
  const { patch } = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"];
  assert.ok(patch.parameters.some(({ name }: { name: string }) => name === "fieldValidation"));
  assert.deepEqual(patch["x-kubernetes-group-version-kind"], { group: "apps", version: "v1", kind: "Deployment" });
  const { containers } = components.schemas["io.k8s.api.core.v1.PodSpec"].properties;
  assert.equal(containers["x-kubernetes-patch-merge-key"], "name");
  assert.deepEqual(containers["x-kubernetes-list-map-keys"], ["name"]);
});

test("health", async () => {
  await using cluster = await TestCluster.start();
  for (const path of ["/healthz", "/livez", "/readyz"]) assert.equal((await read(cluster, path)).text, "ok");
  assert.match((await read(cluster, "/readyz?verbose")).text, /\[\+\]bootstrap ok[\s\S]*readyz check passed/);
  assert.match((await read(cluster, "/version")).json().gitVersion, /^v1\.34/);
});

test("Swagger 2 also comes in protobuf, under a valid name", async () => {
  await using cluster = await TestCluster.start();
  const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
  const { headers, body } = await read(cluster, "/openapi/v2", { accept });
  assert.equal(headers["content-type"], "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  // Field 1 of the document, "2.0".
  assert.deepEqual([...(body as Uint8Array).slice(0, 5)], [0x0a, 3, 0x32, 0x2e, 0x30]);
  await assert.rejects(read(cluster, "/openapi/v2", { accept: "text/html" }), { reason: "NotAcceptable" });
});
