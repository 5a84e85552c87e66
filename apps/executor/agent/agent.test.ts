import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { CustomResourceDefinitions, Secrets } from "@capstan/api/generated/resources";
import { type HttpTemplate, type NodeResult, WorkflowTaskSets, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { waitFor } from "@capstan/core/client";
import { TestCluster } from "@capstan/testing/cluster";
import { runAgent } from "./index.ts";

const where = { namespace: "default", name: "wf" };

async function startServer(asked: string[]) {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method, url, headers } = request;
    asked.push(`${method} ${url} ${headers.host === "elsewhere" ? "elsewhere " : ""}${headers["x-a"] ?? ""}${body}`);
    if (url === "/moved") response.writeHead(302, { location: "/here" }).end();
    else if (url === "/again") response.writeHead(307, { location: "/here" }).end();
    else if (url === "/loop") response.writeHead(302, { location: "/loop" }).end();
    else if (url === "/large") response.end("x".repeat(1024 * 1024 + 1));
    else if (url === "/missing") response.writeHead(404, { "x-why": "no" }).end("nothing here");
    else if (url !== "/silent") response.writeHead(201).end(`answer to ${url}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function run(tasks: Record<string, HttpTemplate>, done: Record<string, NodeResult> = {}) {
  await using cluster = await TestCluster.start({
    async parts({ client }) {
      for (const definition of workflowDefinitions) await client.create(CustomResourceDefinitions, definition);
      return [];
    },
  });
  const { client } = cluster;
  await client.create(Secrets, { metadata: { namespace: "default", name: "s" }, stringData: { k: "hidden-word" } });
  const templates = Object.fromEntries(Object.entries(tasks).map(([id, http]) => [id, { name: id, http }]));
  await client.create(WorkflowTaskSets, { metadata: where, spec: { tasks: templates } });
  const body = { status: { nodes: done } };
  await client.patch(WorkflowTaskSets, where, { type: "merge", body }, { subresource: "status" });
  const signal = AbortSignal.timeout(20_000);
  const lines: string[] = [];
  const print = (text: string) => lines.push(text);
  const agent = runAgent({ client, namespace: where.namespace, workflow: where.name, print, signal });
  const all = Object.keys({ ...tasks, ...done }).length;
  const set = await waitFor(
    client,
    WorkflowTaskSets,
    where,
    ({ status }) => Object.keys(status?.nodes ?? {}).length === all,
    signal,
  );
  const labels = { "workflows.argoproj.io/completed": "true" };
  await client.patch(WorkflowTaskSets, where, { type: "merge", body: { metadata: { labels } } });
  await agent;
  return { nodes: set.status?.nodes ?? {}, lines };
}

test("an answer is the result, its status or condition decides, and secrets are read for headers", async () => {
  const asked: string[] = [];
  await using server = await startServer(asked);
  const header = { name: "x-a", valueFrom: { secretKeyRef: { name: "s", key: "k" } } };
  const { nodes, lines } = await run(
    {
      good: { url: `${server.url}/good`, headers: [header] },
      body: { url: `${server.url}/body`, method: "POST", body: "text" },
      bytes: { url: `${server.url}/bytes`, method: "PUT", bodyFrom: { bytes: Buffer.from("bin").toString("base64") } },
      host: { url: `${server.url}/host`, headers: [{ name: "Host", value: "elsewhere" }] },
      moved: { url: `${server.url}/moved`, method: "POST", body: "gone" },
      again: { url: `${server.url}/again`, method: "POST", body: "kept" },
      missing: { url: `${server.url}/missing` },
      wanted: {
        url: `${server.url}/missing`,
        successCondition:
          'response.statusCode == 404 && response.headers["X-Why"][0] == "no" && response.body contains "here"',
      },
      unwanted: { url: `${server.url}/good`, successCondition: "response.statusCode == 200" },
      nosecret: {
        url: `${server.url}/good`,
        headers: [{ name: "x-a", valueFrom: { secretKeyRef: { name: "s", key: "q" } } }],
      },
      wrong: { url: `${server.url}/good`, successCondition: "response." },
    },
    { earlier: { phase: "Succeeded" } },
  );
  assert.deepEqual(nodes.good, { phase: "Succeeded", outputs: { result: "answer to /good" } });
  assert.deepEqual(nodes.missing, {
    phase: "Failed",
    message: "received non-2xx response code: 404",
    outputs: { result: "nothing here" },
  });
  assert.equal(nodes.wanted?.phase, "Succeeded");
  assert.equal(nodes.unwanted?.message, "successCondition 'response.statusCode == 200' evaluated false");
  assert.equal(nodes.nosecret?.message, "http.headers x-a: Secret s has no key q");
  assert.equal(nodes.wrong?.phase, "Failed");
  const seen = [
    "GET /good hidden-word",
    "POST /body text",
    "PUT /bytes bin",
    "GET /host elsewhere ",
    "GET /here ",
    "POST /here kept",
  ];
  for (const one of seen) assert.ok(asked.includes(one), `${one} was not asked: ${asked.join(" | ")}`);
  assert.ok(!lines.join().includes("hidden-word"), "what a secret holds is not printed");
});

test("what gives no answer, too long a one, or too many redirects fails by the limit's name", async () => {
  await using server = await startServer([]);
  const { nodes } = await run({
    silent: { url: `${server.url}/silent`, timeoutSeconds: 1 },
    large: { url: `${server.url}/large` },
    loop: { url: `${server.url}/loop` },
    scheme: { url: "file:///etc/passwd" },
    closed: { url: "http://127.0.0.1:1/" },
  });
  const message = (id: string) => `${nodes[id]?.phase}: ${nodes[id]?.message?.replace(server.url, "")}`;
  assert.equal(message("silent"), "Failed: GET /silent: no answer within 1 s (timeoutSeconds)");
  assert.match(message("large"), /^Failed: GET \/large: the answer has more than 1048576 bytes/);
  assert.match(message("loop"), /^Failed: GET \/loop: more than 10 redirects/);
  assert.match(message("scheme"), /is no http or https address/);
  assert.match(message("closed"), /^Failed: .*ECONNREFUSED/);
});
