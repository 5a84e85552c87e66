import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { EndpointSlices, Nodes, Pods, Services } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import { openAuthority } from "@capstan/core/pki";
import { createTransport, errorResponse, isSwitched, type Serving, serve, writeSwitch } from "@capstan/core/wire";
import { programsMissing } from "@capstan/testing/programs";
import { createMemoryView, type MemoryView } from "@capstan/testing/view";
import { requestInfoOf } from "../request-info.ts";
import { createStreams } from "./index.ts";

// A node's agent that says what it was asked, a pod's web server, and the API server's endpoints in front of both.
let directory: string;
let agent: Serving;
let web: Serving;
let front: Serving;
let view: MemoryView;
const seen: { url: string; headers: Record<string, string>; caller?: string }[] = [];

const record = ({ url, headers, peer }: HttpRequest) => {
  seen.push({ url, headers, caller: peer?.certificate?.commonName });
};
const agentHandler: Handler = async (request) => {
  record(request);
  if (request.url.startsWith("/containerLogs/n/p/b"))
    throw new StatusError("BadRequest", 'container "b" in pod "p" is waiting to start');
  if (request.url.startsWith("/healthz"))
    return { status: 404, headers: { "content-type": "text/plain" }, body: "no such page\n" };
  return { status: 200, headers: { "content-type": "text/plain" }, body: lines() };
};
async function* lines() {
  yield Buffer.from("one\n");
  yield Buffer.from("two\n");
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "capstan-streams-"));
  const authority = await openAuthority({ directory });
  const tls = await authority.issue({ commonName: "n1", hosts: ["127.0.0.1"], usages: ["server"] });
  agent = await serve({
    handler: agentHandler,
    upgrade: async (request, socket) => {
      record(request);
      if (request.url.includes("gone")) throw new StatusError("NotFound", "the container is gone");
      writeSwitch(socket, ["Upgrade", "websocket", "Connection", "Upgrade"]);
      socket.pipe(socket);
    },
    port: 0,
    tls: { ...tls, clientCa: authority.cert },
  });
  web = await serve({
    handler: async ({ url, method }) => ({ status: 200, headers: { a: "b" }, body: `${method} ${url}` }),
    port: 0,
  });
  view = createMemoryView("n");
  view.put(Nodes, {
    metadata: { name: "n1" },
    status: {
      addresses: [
        { type: "Hostname", address: "nowhere.invalid" },
        { type: "InternalIP", address: "127.0.0.1" },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: agent.port } },
    },
  });
  view.put(Nodes, {
    metadata: { name: "silent" },
    status: {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
    },
  });
  const containers = [{ name: "a" }, { name: "b" }];
  view.put(Pods, { metadata: { name: "p", namespace: "n" }, spec: { nodeName: "n1", containers } });
  view.put(Pods, {
    metadata: { name: "one", namespace: "n" },
    spec: { nodeName: "n1", containers: [{ name: "gone", ports: [{ containerPort: web.port }] }] },
    status: { podIP: "127.0.0.1" },
  });
  view.put(Pods, { metadata: { name: "waiting", namespace: "n" }, spec: { containers: [{ name: "a" }] } });
  view.put(Pods, {
    metadata: { name: "lost", namespace: "n" },
    spec: { nodeName: "silent", containers: [{ name: "a" }] },
  });
  view.put(Services, { metadata: { name: "web", namespace: "n" }, spec: { ports: [{ name: "http", port: 80 }] } });
  view.put(EndpointSlices, {
    metadata: { name: "web-1", namespace: "n", labels: { "kubernetes.io/service-name": "web" } },
    ports: [{ name: "http", port: web.port }],
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
  });
  const client = await authority.issue({
    commonName: "kube-apiserver-kubelet-client",
    organizations: ["system:masters"],
    usages: ["client"],
  });
  front = await serve({ handler: endpoints({ ca: authority.cert, ...client }), port: 0 });
});
after(async () => {
  await Promise.all([front?.close(), agent?.close(), web?.close()]);
  await rm(directory, { recursive: true });
});

function endpoints(client: { ca: string; cert: string; key: string }): Handler {
  const { endpoints: list = [] } = createStreams({ client })(view);
  return async (request): Promise<HttpResponse> => {
    const info = requestInfoOf(request.method, request.url);
    const found = list.find((e) => e.resource === info.resource && e.subresource === info.subresource);
    assert.ok(found?.connect, request.url);
    try {
      return await found.connect({ request, info, principal: { name: "jane", groups: [] } });
    } catch (error) {
      return errorResponse(error);
    }
  };
}

const skip = programsMissing("curl");
const pod = (name: string, rest: string) => `/api/v1/namespaces/n/pods/${name}/${rest}`;
const curl = async (path: string, ...args: string[]) => {
  const { stdout } = await promisify(execFile)("curl", ["-sS", "-w", "\n%{http_code}", ...args, front.url + path]);
  const [code, ...body] = stdout.split("\n").reverse();
  return { code: Number(code), body: body.reverse().join("\n") };
};
const upgrade = async (path: string) => {
  using transport = createTransport({ server: front.url });
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    authorization: "Bearer secret",
    "sec-websocket-protocol": "v5.channel.k8s.io",
  };
  return transport.handler({ method: "GET", url: path, headers, signal: new AbortController().signal });
};

test("logs come from the node, asked by the API server's own certificate and without the caller's token", {
  skip,
}, async () => {
  const { code, body } = await curl(
    pod("p", "log?container=a&follow=true&tailLines=3&pretty=1"),
    "-H",
    "Authorization: Bearer secret",
  );
  assert.deepEqual([code, body], [200, "one\ntwo\n"]);
  const last = seen.at(-1);
  assert.equal(last?.url, "/containerLogs/n/p/a?follow=true&tailLines=3");
  assert.equal(last?.caller, "kube-apiserver-kubelet-client");
  assert.equal(last?.headers.authorization, undefined);
});

test("which container is meant must be clear", { skip }, async () => {
  assert.match(
    (await curl(pod("p", "log"))).body,
    /a container name must be specified for pod p, choose one of: \[a b\]/,
  );
  assert.match((await curl(pod("p", "log?container=c"))).body, /container c is not valid for pod p/);
  assert.equal((await curl(pod("one", "log"))).body, "one\ntwo\n");
});

test("what stands in the way is a Status that names it", { skip }, async () => {
  const fails = async (path: string, code: number, message: RegExp) => {
    const answer = await curl(path);
    assert.equal(answer.code, code, answer.body);
    assert.match(JSON.parse(answer.body).message, message);
  };
  assert.deepEqual(await curl(pod("waiting", "log")), { code: 200, body: "" });
  await fails(pod("none", "log"), 404, /pods "none" not found/);
  await fails(pod("p", "log?container=b"), 400, /container "b" in pod "p" is waiting to start/);
  await fails(pod("lost", "log"), 503, /node "silent": cannot reach https:\/\/127.0.0.1:1/);
  await fails(pod("p", "log?container=a&tailLines=-1"), 422, /tailLines: Invalid value: -1/);
  await fails(pod("p", "exec?container=a&command=ls&stdout=true"), 400, /Upgrade request required/);
  await fails(pod("p", "exec?container=a&stdout=true"), 400, /at least one command/);
  await fails(pod("p", "exec?container=a&command=ls"), 400, /at least 1 of stdin, stdout, stderr/);
  await fails("/api/v1/nodes/none/proxy/healthz", 404, /nodes "none" not found/);
  await fails("/api/v1/nodes/n1/proxy/healthz", 404, /no such page/);
});

test("exec, attach and port-forward become one connection to the node", { skip }, async () => {
  const cases = [
    [
      pod("p", "exec?container=a&command=sh&command=-c&command=ls%20%2F&stdin=true&stdout=true&tty=true"),
      "/exec/n/p/a?input=1&output=1&tty=1&command=sh&command=-c&command=ls+%2F",
    ],
    [pod("p", "attach?container=b&stdout=1&stderr=1"), "/attach/n/p/b?output=1&error=1"],
    [pod("p", "portforward?ports=80&ports=81"), "/portForward/n/p?port=80&port=81"],
  ];
  for (const [path = "", expected] of cases) {
    const answer = await upgrade(path);
    assert.ok(isSwitched(answer), path);
    const { socket } = answer.connection;
    socket.write("hello");
    assert.equal(String((await once(socket, "data"))[0]), "hello");
    socket.end();
    await once(socket, "close");
    assert.equal(seen.at(-1)?.url, expected);
    assert.equal(seen.at(-1)?.headers["sec-websocket-protocol"], "v5.channel.k8s.io");
    assert.equal(seen.at(-1)?.headers.authorization, undefined);
  }
  const waiting = await upgrade(pod("waiting", "exec?command=ls&stdout=1"));
  assert.equal(waiting.status, 400);
  const gone = await upgrade(pod("one", "exec?command=ls&stdout=1"));
  assert.equal(gone.status, 404);
});

test("nodes, pods and services are reached through their proxy", { skip }, async () => {
  await curl("/api/v1/nodes/n1/proxy/stats/summary?a=b");
  assert.equal(seen.at(-1)?.url, "/stats/summary?a=b");
  assert.equal((await curl(pod("one", "proxy/v1/x?y=z"))).body, "GET /v1/x?y=z");
  assert.equal((await curl(pod(`http:one:${web.port}`, "proxy/"), "-X", "POST")).body, "POST /");
  assert.equal((await curl("/api/v1/namespaces/n/services/web:http/proxy/x")).body, "GET /x");
  assert.equal((await curl("/api/v1/namespaces/n/services/web:http2/proxy/x")).code, 503);
  assert.equal((await curl("/api/v1/namespaces/n/pods/ftp:one:1/proxy/")).code, 400);
});
