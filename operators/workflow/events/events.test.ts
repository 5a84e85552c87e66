import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import {
  CustomResourceDefinitions,
  Events,
  RoleBindings,
  Roles,
  Secrets,
  ServiceAccounts,
} from "@capstan/api/generated/resources";
import {
  type WorkflowEventBinding,
  WorkflowEventBindings,
  Workflows,
  WorkflowTemplates,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import { pathOf } from "@capstan/api/meta";
import { silent } from "@capstan/base/log";
import { readText } from "@capstan/core/client";
import { accountExtensions, TestCluster } from "@capstan/testing/cluster";
import { createEventHandler } from "./index.ts";

const namespace = "default";
const apiGroup = "rbac.authorization.k8s.io";

async function start() {
  const cluster = await TestCluster.start({
    extensions: accountExtensions(),
    async parts({ client }) {
      for (const definition of workflowDefinitions) await client.create(CustomResourceDefinitions, definition);
      return [];
    },
  });
  const { client } = cluster;
  const argo = { apiGroups: ["argoproj.io"] };
  const rules = [
    { ...argo, resources: ["workfloweventbindings"], verbs: ["list"] },
    { ...argo, resources: ["workflowtemplates"], verbs: ["get"] },
    { ...argo, resources: ["workflows"], verbs: ["create"] },
  ];
  for (const name of ["sender", "stranger"]) await client.create(ServiceAccounts, { metadata: { namespace, name } });
  await client.create(Roles, { metadata: { namespace, name: "send" }, rules });
  await client.create(RoleBindings, {
    metadata: { namespace, name: "send" },
    roleRef: { apiGroup, kind: "Role", name: "send" },
    subjects: [{ kind: "ServiceAccount", namespace, name: "sender" }],
  });
  const container = { image: "i" };
  const spec = { entrypoint: "m", templates: [{ name: "m", container }] };
  await client.create(WorkflowTemplates, { metadata: { namespace, name: "greet" }, spec });
  const handler = createEventHandler({ api: cluster.handler, client, log: silent });
  const send = async (path: string, body: string, headers: Record<string, string>, method = "POST") => {
    const bytes = new TextEncoder().encode(body);
    const answer = await handler({
      method,
      url: `/api/v1/events/${path}`,
      headers,
      body: bytes,
      signal: cluster.signal,
    });
    return { status: answer.status, text: await readText(answer) };
  };
  const bind = (name: string, more: Partial<WorkflowEventBinding["spec"]>) =>
    client.create(WorkflowEventBindings, {
      metadata: { namespace, name },
      spec: { event: { selector: "true" }, submit: { workflowTemplateRef: { name: "greet" } }, ...more },
    });
  const tokenOf = async (name: string) => {
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const answer = await client.request({
      method: "POST",
      url: pathOf(ServiceAccounts, namespace, name, "token"),
      headers: { "content-type": "application/json" },
      body: new TextEncoder().encode(JSON.stringify(body)),
    });
    return `Bearer ${JSON.parse(await readText(answer)).status.token}`;
  };
  const started = async () => (await client.list(Workflows, { namespace })).items;
  return { cluster, send, bind, tokenOf, started, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}

test("an event starts a workflow of each binding whose selector holds, with values of its payload", async () => {
  await using world = await start();
  await world.bind("greets", {
    event: { selector: 'payload.who != nil && metadata["x-kind"] == ["hello"] && discriminator == "d"' },
    submit: {
      workflowTemplateRef: { name: "greet" },
      metadata: { name: 'payload.who + "-run"', labels: { of: "namespace" } },
      arguments: {
        parameters: [
          { name: "who", valueFrom: { event: "payload.who" } },
          { name: "list", valueFrom: { event: "map(payload.n, # * 2)" } },
        ],
      },
    },
  });
  await world.bind("other", { event: { selector: "payload.who == 'somebody else'" } });
  const authorization = await world.tokenOf("sender");
  const body = JSON.stringify({ who: "ann", n: [1, 2] });
  const answer = await world.send(`${namespace}/d`, body, { authorization, "x-kind": "hello", cookie: "c" });
  assert.deepEqual(answer, { status: 200, text: "{}" });
  const [made, ...more] = await world.started();
  assert.equal(more.length, 0);
  assert.equal(made?.metadata.name, "ann-run");
  assert.deepEqual(made?.metadata.labels, {
    of: namespace,
    "workflows.argoproj.io/creator": "system-serviceaccount-default-sender",
    "workflows.argoproj.io/workflow-event-binding": "greets",
    "workflows.argoproj.io/workflow-template": "greet",
  });
  assert.deepEqual(made?.spec.arguments?.parameters, [
    { name: "who", value: "ann" },
    { name: "list", value: "[2,4]" },
  ]);
  assert.equal((await world.send(`${namespace}/`, body, { authorization, "x-kind": "hello" })).status, 200);
  assert.equal((await world.started()).length, 1);
});

test("who sends must be known, and may do what its account may", async () => {
  await using world = await start();
  await world.bind("any", {});
  assert.match((await world.send(`${namespace}/`, "{}", {})).text, /"code":401/);
  assert.equal((await world.send(`${namespace}/`, "{}", { authorization: "Bearer no" })).status, 401);
  const stranger = await world.send(`${namespace}/`, "{}", { authorization: await world.tokenOf("stranger") });
  assert.equal(stranger.status, 403);
  assert.deepEqual(await world.started(), []);
  const authorization = await world.tokenOf("sender");
  assert.equal((await world.send(`${namespace}/`, "{", { authorization })).status, 400);
  assert.equal((await world.send(`${namespace}/`, "", { authorization }, "GET")).status, 405);
  for (const path of ["", "../x", "%2e%2e/x", "a/b/c"])
    assert.equal((await world.send(path, "{}", { authorization })).status, 404);
});

test("a binding that cannot do what it says is told by an event, and the others go on", async () => {
  await using world = await start();
  await world.bind("broken", { event: { selector: "payload.a.b.c ==" } });
  await world.bind("gone", { submit: { workflowTemplateRef: { name: "nope" } } });
  await world.bind("works", {});
  const answer = await world.send(`${namespace}/x`, "{}", { authorization: await world.tokenOf("sender") });
  assert.equal(answer.status, 500);
  assert.match(answer.text, /broken: spec\.event\.selector: .*gone: .*nope/);
  const names = (await world.started()).map(
    ({ metadata }) => metadata.labels?.["workflows.argoproj.io/workflow-event-binding"],
  );
  assert.deepEqual(names, ["works"]);
  const signal = AbortSignal.any([world.cluster.signal, AbortSignal.timeout(10_000)]);
  const seen = new Set<string>();
  for await (const event of world.cluster.client.watch(Events, { namespace, signal })) {
    if (event.type === "BOOKMARK") continue;
    if (event.object.reason === "WorkflowEventBindingError") seen.add(event.object.involvedObject.name ?? "");
    if (seen.size === 2) break;
  }
  assert.deepEqual([...seen].sort(), ["broken", "gone"]);
});

test("a webhook's signature stands for its account", async () => {
  await using world = await start();
  await world.bind("any", {});
  await world.cluster.client.create(Secrets, {
    metadata: { namespace, name: "argo-workflows-webhook-clients" },
    stringData: { sender: "type: github\nsecret: shh\n" },
  });
  const body = '{"a": 1}';
  const sign = (secret: string) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  const headers = (secret: string) => ({ "x-github-event": "push", "x-hub-signature-256": sign(secret) });
  assert.equal((await world.send(`${namespace}/`, body, headers("other"))).status, 401);
  assert.equal((await world.send(`${namespace}/`, body, headers("shh"))).status, 200);
  const [made] = await world.started();
  assert.equal(made?.metadata.labels?.["workflows.argoproj.io/creator"], "system-serviceaccount-default-sender");
});
