import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, Secrets } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import type { Interceptor } from "@capstan/base/http";
import { TestCluster } from "@capstan/testing/cluster";
import { createAuthorization } from "../authorization/index.ts";
import type { ExtensionFactory } from "../request.ts";
import { type AuditEvent, createAudit, parseAuditPolicy, recordMetadata } from "./index.ts";

const everything = { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "RequestResponse" }] };

/** Stands in authentication's place: nobody comes in without a name. */
const doorkeeper: ExtensionFactory = () => {
  const check: Interceptor = (next) => async (request) => {
    if (!request.principal) throw new StatusError("Unauthorized", "Unauthorized");
    return next(request);
  };
  return { interceptors: [check] };
};

async function start(policy = parseAuditPolicy(everything)) {
  const events: AuditEvent[] = [];
  const { outer, inner } = createAudit({ policy, write: (event) => void events.push(structuredClone(event)) });
  const cluster = await TestCluster.start({ extensions: [outer, doorkeeper, inner] });
  events.length = 0;
  const of = (user: string) => events.filter((event) => event.user.username === user);
  return { cluster, of, events, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}
const jane = { name: "jane", groups: ["devs"] };
const metadata = { namespace: "default", name: "a" };

test("a create is recorded with who, what, and both bodies", async () => {
  await using audit = await start();
  await audit.cluster.clientOf(jane, "tool/1").create(ConfigMaps, { metadata, data: { a: "b" } });
  const [received, complete, ...more] = audit.of("jane");
  assert.equal(more.length, 0);
  assert.ok(received && complete);
  assert.equal(received.stage, "RequestReceived");
  assert.equal(received.responseStatus, undefined);
  assert.equal(complete.stage, "ResponseComplete");
  assert.equal(complete.auditID, received.auditID);
  assert.equal(complete.verb, "create");
  assert.equal(complete.requestURI, "/api/v1/namespaces/default/configmaps");
  assert.deepEqual(complete.user, { username: "jane", groups: ["devs"] });
  assert.equal(complete.userAgent, "tool/1");
  const { uid, resourceVersion, ...reference } = complete.objectRef ?? {};
  assert.deepEqual(reference, { resource: "configmaps", namespace: "default", name: "a", apiVersion: "v1" });
  assert.ok(uid && resourceVersion);
  assert.deepEqual(complete.responseStatus, { metadata: {}, code: 201 });
  assert.deepEqual((complete.requestObject as { data: unknown }).data, { a: "b" });
  assert.equal((complete.responseObject as { metadata: { uid: string } }).metadata.uid, uid);
  assert.match(complete.stageTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test("what a secret says is in no event, whatever the policy and the outcome", async () => {
  await using audit = await start();
  const client = audit.cluster.clientOf(jane);
  const word = "correct horse battery";
  await client.create(Secrets, { metadata, stringData: { word } });
  await client.get(Secrets, metadata);
  await client.list(Secrets);
  await client.patch(Secrets, metadata, { type: "merge", body: { stringData: { word: `${word}!` } } });
  await assert.rejects(client.create(Secrets, { metadata: { ...metadata, name: "b" }, data: { word } }));
  const text = JSON.stringify(audit.of("jane"));
  assert.ok(!text.includes(word) && !text.includes(btoa(word)) && !text.includes(btoa(`${word}!`)), text);
  for (const event of audit.of("jane")) {
    assert.equal(event.level, "Metadata");
    assert.equal(event.requestObject ?? event.responseObject, undefined);
  }
  assert.deepEqual(audit.of("jane").at(-1)?.responseStatus?.metadata, {});
});

test("a watch has a stage when it starts and one when it ends", async () => {
  await using audit = await start(recordMetadata);
  const stop = new AbortController();
  const client = audit.cluster.clientOf(jane);
  await client.create(ConfigMaps, { metadata });
  for await (const _ of client.watch(ConfigMaps, { resourceVersion: "0", signal: stop.signal })) break;
  stop.abort();
  const watches = audit.of("jane").filter((event) => event.verb === "watch");
  assert.deepEqual(
    watches.map((event) => event.stage),
    ["ResponseStarted", "ResponseComplete"],
  );
});

test("refusals are recorded: of a caller without a name, of another's object, of a wrong path", async () => {
  await using audit = await start(recordMetadata);
  const { signal } = new AbortController();
  const ask = (url: string, principal?: typeof jane) =>
    audit.cluster.handler({
      method: "GET",
      url,
      headers: { "impersonate-user": "root", "impersonate-group": "a,b" },
      signal,
      ...(principal ? { principal } : {}),
    });
  assert.equal((await ask("/api/v1/pods")).status, 401);
  const refused = audit.events.at(-1);
  assert.deepEqual([refused?.stage, refused?.user, refused?.responseStatus?.code], ["ResponseStarted", {}, 401]);
  assert.equal((await ask("/api/v1/namespaces/default/configmaps/none", jane)).status, 404);
  const [missing] = audit.of("jane");
  assert.equal(missing?.responseStatus?.reason, "NotFound");
  assert.deepEqual(missing?.impersonatedUser, { username: "root", groups: ["a", "b", "system:authenticated"] });
  assert.equal((await ask("/api/v1/pods/%zz", jane)).status, 400);
  assert.equal(audit.of("jane").at(-1)?.responseStatus?.code, 400);
});

test("level None costs an event nothing, and managed fields go where the policy says so", async () => {
  const rules = [
    { level: "None", verbs: ["get"] },
    { level: "Request", omitStages: ["RequestReceived"], omitManagedFields: true },
  ];
  await using audit = await start(parseAuditPolicy({ ...everything, rules }));
  const client = audit.cluster.clientOf(jane);
  const made = await client.create(ConfigMaps, { metadata, data: { a: "0" } });
  await client.get(ConfigMaps, metadata);
  await client.update(ConfigMaps, { ...made, data: { a: "1" } });
  assert.deepEqual(
    audit.of("jane").map((event) => event.verb),
    ["create", "update"],
  );
  const update = audit.of("jane")[1];
  assert.equal(update?.responseObject, undefined);
  const sent = update?.requestObject as { metadata: object } | undefined;
  assert.ok(made.metadata.managedFields && sent && !("managedFields" in sent.metadata));
});

test("events say why somebody may, what policies noted, and when something broke", async () => {
  const events: AuditEvent[] = [];
  const { outer, inner } = createAudit({ policy: recordMetadata, write: (event) => void events.push(event) });
  const breaking: ExtensionFactory = () => ({
    admission: [
      {
        name: "Noting",
        validate: ({ annotate, name }) => {
          if (name === "broken") throw new TypeError("nothing there");
          annotate?.("policy/key", "value");
        },
      },
    ],
  });
  await using cluster = await TestCluster.start({
    extensions: [outer, doorkeeper, inner, createAuthorization(), breaking],
  });
  events.length = 0;
  const admin = { name: "root", groups: ["system:masters"] };
  await cluster.clientOf(admin).create(ConfigMaps, { metadata });
  assert.deepEqual(events.at(-1)?.annotations, {
    "authorization.k8s.io/decision": "allow",
    "authorization.k8s.io/reason": "",
    "policy/key": "value",
  });
  await assert.rejects(cluster.clientOf(jane).get(ConfigMaps, metadata), { reason: "Forbidden" });
  assert.deepEqual(events.at(-1)?.annotations, {
    "authorization.k8s.io/decision": "forbid",
    "authorization.k8s.io/reason": "",
  });
  await assert.rejects(cluster.clientOf(admin).create(ConfigMaps, { metadata: { ...metadata, name: "broken" } }));
  assert.equal(events.at(-1)?.stage, "Panic");
  assert.deepEqual(events.at(-1)?.responseStatus, {
    metadata: {},
    status: "Failure",
    message: "APIServer panic'd: nothing there",
    reason: "InternalError",
    code: 500,
  });
});
