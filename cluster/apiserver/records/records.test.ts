import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { RoleBindings, Roles } from "@capstan/api/generated/resources";
import { ArchivedLabels, ArchivedWorkflows, Lineages, SemaphoreLimits } from "@capstan/api/kinds/records";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import { readText } from "@capstan/core/client";
import { createRecords, type Records } from "@capstan/core/records";
import { TestCluster } from "@capstan/testing/cluster";
import { createAuthorization } from "../authorization/index.ts";
import { createRecordsApi } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-records-api-"));
let records: Records;
let cluster: TestCluster;

function workflow(name: string, namespace: string, phase = "Succeeded"): Workflow {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { name, namespace, uid: `uid-${name}`, labels: { team: namespace } },
    spec: { entrypoint: "main" },
    status: { phase, startedAt: "2026-01-01T00:00:00Z", finishedAt: "2026-01-01T01:00:00Z" } as Workflow["status"] & {},
  };
}

before(async () => {
  records = createRecords({ database: { file: join(directory, "records.db") }, cluster: "here" });
  const open = await records.open();
  await open.archive.add([workflow("one", "a"), workflow("two", "a", "Failed"), workflow("three", "b")]);
  const step = { uid: "u", workflow: "one", template: "t", phase: "Succeeded", finishedAt: "", reused: false };
  await open.lineage.record([
    { ...step, namespace: "a", node: "n1", name: "one.x", parameters: {}, inputs: [], outputs: [made("file:d1")] },
    { ...step, namespace: "a", node: "n2", name: "one.y", parameters: {}, inputs: [made("file:d1")], outputs: [] },
  ]);
  cluster = await TestCluster.start({ extensions: [createAuthorization(), createRecordsApi(records)] });
});
after(async () => {
  await cluster[Symbol.asyncDispose]();
  await records[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});
const made = (artifact: string) => ({ name: "o", artifact, location: "file:k" });

const path = "/apis/records.capstan.dev/v1alpha1";
async function names(url: string): Promise<string[]> {
  const answer = await cluster.client.request({ url: `${path}${url}` });
  const list = JSON.parse(await readText(answer)) as { items: { summary: { workflow: string } }[] };
  return list.items.map(({ summary }) => summary.workflow).sort();
}

test("the archive is searched by parameters and selectors, page by page", async () => {
  assert.deepEqual(await names("/archivedworkflows"), ["one", "three", "two"]);
  assert.deepEqual(await names("/namespaces/a/archivedworkflows"), ["one", "two"]);
  assert.deepEqual(await names("/archivedworkflows?phase=Failed,Error"), ["two"]);
  assert.deepEqual(await names("/archivedworkflows?namePattern=t*"), ["three", "two"]);
  assert.deepEqual(await names("/archivedworkflows?labelSelector=team%3Db"), ["three"]);
  assert.deepEqual(await names("/archivedworkflows?fieldSelector=summary.workflow%3Done"), ["one"]);
  assert.deepEqual(await names("/archivedworkflows?startedAfter=2027-01-01T00:00:00Z"), []);
  const first = await cluster.client.list(ArchivedWorkflows, { limit: 2 });
  assert.equal(first.items.length, 2);
  const rest = await cluster.client.list(ArchivedWorkflows, { limit: 2, continue: first.continue ?? "" });
  assert.equal(rest.items.length, 1);
  assert.equal(rest.continue, undefined);
  await assert.rejects(names("/archivedworkflows?startedAfter=now"), (error) => isReason(error, "BadRequest"));
  await assert.rejects(names("/archivedworkflows?labelSelector=a%3E1"), (error) => isReason(error, "BadRequest"));
});

test("one workflow comes whole, in its own namespace alone", async () => {
  const found = await cluster.client.get(ArchivedWorkflows, { namespace: "a", name: "uid-one" });
  assert.equal(found.workflow?.metadata.name, "one");
  assert.equal(found.summary.phase, "Succeeded");
  const elsewhere = { namespace: "b", name: "uid-one" };
  assert.equal(await cluster.client.find(ArchivedWorkflows, elsewhere), undefined);
  await assert.rejects(cluster.client.delete(ArchivedWorkflows, elsewhere), (error) => isReason(error, "NotFound"));
});

test("deleting, dry and for good", async () => {
  await (await records.open()).archive.add([workflow("gone", "c")]);
  const ref = { namespace: "c", name: "uid-gone" };
  await cluster.client.request({
    method: "DELETE",
    url: `${path}/namespaces/c/archivedworkflows/uid-gone?dryRun=All`,
  });
  assert.ok(await cluster.client.find(ArchivedWorkflows, ref));
  await cluster.client.delete(ArchivedWorkflows, ref);
  assert.equal(await cluster.client.find(ArchivedWorkflows, ref), undefined);
});

test("labels, and their values", async () => {
  const { items } = await cluster.client.list(ArchivedLabels, { namespace: "a" });
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["team"],
  );
  const answer = await cluster.client.request({ url: `${path}/archivedlabels?key=team` });
  assert.deepEqual(JSON.parse(await readText(answer)).items[0].values, ["a", "b"]);
});

test("lineage leads up and down; what it is of has to be said", async () => {
  const ask = async (query: string) => {
    const answer = await cluster.client.request({ url: `${path}/namespaces/a/lineages?${query}` });
    const list = JSON.parse(await readText(answer)) as { items: { step: { name: string } }[] };
    return list.items.map(({ step }) => step.name);
  };
  assert.deepEqual(await ask("artifact=file:d1&direction=up"), ["one.x"]);
  assert.deepEqual(await ask("workflow=one&node=x&direction=down"), ["one.x", "one.y"]);
  await assert.rejects(cluster.client.list(Lineages, { namespace: "a" }), (error) => isReason(error, "BadRequest"));
});

test("limits of semaphores are written and read; wrong ones are refused", async () => {
  const { client } = cluster;
  const ref = { namespace: "a", name: "gpu" };
  const made = await client.create(SemaphoreLimits, { metadata: ref, spec: { limit: 2 } });
  assert.deepEqual(made.spec, { limit: 2 });
  await client.update(SemaphoreLimits, { ...made, spec: { limit: 3 } });
  assert.deepEqual((await client.get(SemaphoreLimits, ref)).spec, { limit: 3 });
  assert.deepEqual(await (await records.open()).locks.limits("a"), [{ name: "a/gpu", limit: 3 }]);
  const again = client.create(SemaphoreLimits, { metadata: ref, spec: { limit: 2 } });
  await assert.rejects(again, (error) => isReason(error, "AlreadyExists"));
  const negative = client.update(SemaphoreLimits, { ...made, spec: { limit: -1 } });
  await assert.rejects(negative, (error) => isReason(error, "Invalid"));
  await client.delete(SemaphoreLimits, ref);
  assert.equal(await client.find(SemaphoreLimits, ref), undefined);
});

test("who may list the archive of one namespace sees no other, and deletes nothing", async () => {
  const rules = [{ apiGroups: ["records.capstan.dev"], resources: ["archivedworkflows"], verbs: ["list", "get"] }];
  await cluster.client.create(Roles, { metadata: { namespace: "default", name: "reader" }, rules });
  await cluster.client.create(RoleBindings, {
    metadata: { namespace: "default", name: "reader" },
    subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "jane" }],
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
  });
  await (await records.open()).archive.add([workflow("mine", "default")]);
  const jane = cluster.clientOf({ name: "jane", groups: ["system:authenticated"] });
  assert.equal((await jane.list(ArchivedWorkflows, { namespace: "default" })).items.length, 1);
  const forbidden = (error: unknown) => isReason(error, "Forbidden");
  await assert.rejects(jane.list(ArchivedWorkflows, { namespace: "a" }), forbidden);
  await assert.rejects(jane.list(ArchivedWorkflows), forbidden);
  await assert.rejects(jane.get(ArchivedWorkflows, { namespace: "a", name: "uid-one" }), forbidden);
  await assert.rejects(jane.delete(ArchivedWorkflows, { namespace: "default", name: "uid-mine" }), forbidden);
  const other = `${path}/namespaces/default/archivedworkflows?fieldSelector=metadata.namespace%3Da`;
  const listed = JSON.parse(await readText(await jane.request({ url: other }))) as { items: unknown[] };
  assert.deepEqual(listed.items, []);
});

test("all of a namespace goes at once, and nothing of another", async () => {
  const open = await records.open();
  await open.archive.add([workflow("p1", "purged"), workflow("p2", "purged")]);
  const step = { uid: "p", workflow: "p1", template: "t", phase: "Succeeded", finishedAt: "", reused: false };
  await open.lineage.record([
    { ...step, namespace: "purged", node: "n", name: "p1.x", parameters: {}, inputs: [], outputs: [made("file:p")] },
  ]);
  await open.memos.keep("purged", "k", { outputs: {}, workflow: "p1", node: "n" });
  const { client } = cluster;
  const selected = client.deleteCollection(ArchivedWorkflows, { namespace: "purged", labelSelector: "a=b" });
  await assert.rejects(selected, (error) => isReason(error, "BadRequest"));
  const before = (await client.list(ArchivedWorkflows)).items.length;
  await client.deleteCollection(ArchivedWorkflows, { namespace: "purged" });
  await client.deleteCollection(Lineages, { namespace: "purged" });
  assert.equal((await client.list(ArchivedWorkflows)).items.length, before - 2);
  const trace = await open.lineage.trace({ namespace: "purged", start: { workflow: "p1" }, direction: "up" });
  assert.deepEqual(trace.nodes, []);
  assert.equal(await open.memos.recall("purged", "k"), undefined);
  await assert.rejects(client.deleteCollection(ArchivedWorkflows, {}), (error) => isReason(error, "NotFound"));
});
