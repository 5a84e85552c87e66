import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { test } from "node:test";
import type { HttpRouteRule } from "@capstan/api/kinds/gateway";
import { silent } from "@capstan/base/log";
import { HandWorld } from "@capstan/testing/gateway";
import { WebSocket, WebSocketServer } from "ws";
import type { Access } from "./access.ts";
import { createBalancer } from "./backend.ts";
import { type DataPlane, openDataPlane } from "./data-plane.ts";
import { buildRouteTable } from "./route-table.ts";

const open: Access = { check: async () => undefined };

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, host: "127.0.0.1", port, [Symbol.asyncDispose]: () => close(server) };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}

/** A backend that answers what it got. */
const echo = () =>
  listen(async (incoming, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { method, url, headers } = incoming;
    response.setHeader("x-backend", "echo");
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
  });

async function gateway(world: HandWorld, access: Access = open): Promise<DataPlane & { url: string }> {
  const plane = await openDataPlane({
    listen: { host: "127.0.0.1", port: 0 },
    table: () => buildRouteTable(world, world.port),
    balancer: createBalancer(world),
    access,
    log: silent,
  });
  return Object.assign(plane, { url: `http://127.0.0.1:${plane.port}` });
}

function route(world: HandWorld, rule: HttpRouteRule, backend = "s") {
  return world.addRoute("r", { rules: [{ backendRefs: [{ name: backend, port: 80 }], ...rule }] });
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("carries requests with their bodies, and says where they came from", async () => {
  await using backend = await echo();
  const world = new HandWorld();
  world.addService("s", [backend]);
  route(world, {});
  await using plane = await gateway(world);
  const headers = {
    "x-forwarded-for": "1.2.3.4",
    "x-forwarded-proto": "https",
    connection: "close, x-hop",
    "x-hop": "1",
  };
  const answer = await new Promise<IncomingMessage>((resolve) => {
    const sent = request(`${plane.url}/a/b?c=d`, { method: "POST", headers }, resolve);
    sent.write("one ");
    sent.end("two");
  });
  let text = "";
  for await (const chunk of answer) text += chunk;
  const seen = JSON.parse(text);
  assert.equal(answer.headers["x-backend"], "echo");
  assert.equal(seen.method, "POST");
  assert.equal(seen.url, "/a/b?c=d");
  assert.equal(seen.body, "one two");
  assert.equal(seen.headers["x-forwarded-for"], "1.2.3.4, 127.0.0.1");
  assert.equal(seen.headers["x-forwarded-proto"], "http");
  assert.equal(seen.headers["x-forwarded-host"], `127.0.0.1:${plane.port}`);
  assert.equal(seen.headers["x-hop"], undefined);
});

test("changes headers, host and path on the way", async () => {
  await using backend = await echo();
  const world = new HandWorld();
  world.addService("s", [backend]);
  route(world, {
    matches: [{ path: { type: "PathPrefix", value: "/models/m" } }],
    filters: [
      {
        type: "RequestHeaderModifier",
        requestHeaderModifier: {
          set: [{ name: "x-set", value: "s" }],
          add: [{ name: "x-add", value: "b" }],
          remove: ["x-gone"],
        },
      },
      { type: "ResponseHeaderModifier", responseHeaderModifier: { set: [{ name: "X-Backend", value: "hidden" }] } },
      {
        type: "URLRewrite",
        urlRewrite: { hostname: "inner", path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/v1" } },
      },
    ],
  });
  await using plane = await gateway(world);
  const headers = { "x-set": "old", "x-add": "a", "x-gone": "1" };
  const answer = await fetch(`${plane.url}/models/m/x?y=1`, { headers });
  assert.equal(answer.headers.get("x-backend"), "hidden");
  const seen = await answer.json();
  assert.equal(seen.url, "/v1/x?y=1");
  assert.equal(seen.headers.host, "inner");
  assert.equal(seen.headers["x-set"], "s");
  assert.equal(seen.headers["x-add"], "a, b");
  assert.equal(seen.headers["x-gone"], undefined);
});

test("redirects", async () => {
  const world = new HandWorld();
  route(world, {
    matches: [{ path: { type: "PathPrefix", value: "/old" } }],
    filters: [
      {
        type: "RequestRedirect",
        requestRedirect: {
          scheme: "https",
          hostname: "new.example.com",
          statusCode: 301,
          path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/new" },
        },
      },
    ],
  });
  await using plane = await gateway(world);
  const answer = await fetch(`${plane.url}/old/x?y=1`, { redirect: "manual" });
  assert.equal(answer.status, 301);
  assert.equal(answer.headers.get("location"), "https://new.example.com/new/x?y=1");
});

test("streams both ways without waiting for the end", async () => {
  await using backend = await listen((incoming, response) => {
    response.writeHead(200);
    incoming.on("data", (chunk) => response.write(`got ${chunk}`));
    incoming.on("end", () => response.end("over"));
  });
  const world = new HandWorld();
  world.addService("s", [backend]);
  route(world, {});
  await using plane = await gateway(world);
  const sent = request(plane.url, { method: "POST" });
  sent.write("1");
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  answer.setEncoding("utf8");
  assert.equal((await once(answer, "data"))[0], "got 1");
  sent.write("2");
  assert.equal((await once(answer, "data"))[0], "got 2");
  sent.end();
  assert.equal((await once(answer, "data"))[0], "over");
});

test("tries the next endpoint when one refuses, in turns, and only ready ones", async () => {
  let first = 0;
  let second = 0;
  await using one = await listen((_, response) => response.end(`${++first}`));
  await using two = await listen((_, response) => response.end(`${++second}`));
  const world = new HandWorld();
  const dead = await closedPort();
  const none = await listen((_, response) => response.end("not ready"));
  await using _ = none;
  world.addService("s", [one, two, { host: "127.0.0.1", port: dead }, { ...none, ready: false }]);
  route(world, {});
  await using plane = await gateway(world);
  for (let i = 0; i < 6; i++) assert.equal((await fetch(plane.url, { method: "POST", body: "x" })).status, 200);
  assert.equal(first + second, 6);
  assert.ok(first >= 2 && second >= 2);
});

test("says why there is no answer", async () => {
  const world = new HandWorld();
  const dead = await closedPort();
  world.addService("empty", []);
  world.addService("dead", [{ host: "127.0.0.1", port: dead }]);
  const paths = ["empty", "dead", "missing"];
  const rules = paths.map((name) => ({
    matches: [{ path: { value: `/${name}` } }],
    backendRefs: [{ name, port: 80 }],
  }));
  world.addRoute("r", { hostnames: ["h"], rules: [...rules, { matches: [{ path: { value: "/nobody" } }] }] });
  await using plane = await gateway(world);
  const cases: [string, string, number, string, RegExp][] = [
    ["h", "/empty", 503, "NoEndpoints", /"empty" in "a" has no ready pod/],
    ["h", "/dead", 503, "BackendUnreachable", /ECONNREFUSED/],
    ["h", "/missing", 500, "BackendInvalid", /HTTPRoute a\/r: Service a\/missing does not exist/],
    ["h", "/nobody", 500, "BackendInvalid", /no backend has a weight/],
    ["h", "/other", 404, "NoRoute", /no route for GET \/other at the host "h"/],
    ["x", "/", 404, "NoRoute", /at the host "x"/],
  ];
  for (const [host, path, status, reason, message] of cases) {
    const sent = request(plane.url + path, { headers: { host } }).end();
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of answer) text += chunk;
    assert.equal(answer.statusCode, status, text);
    const body = JSON.parse(text);
    assert.equal(body.reason, reason);
    assert.match(body.error, message);
  }
});

test("ends requests at their time limits", async () => {
  await using stuck = await listen(() => undefined);
  const world = new HandWorld();
  world.addService("s", [stuck]);
  route(world, { matches: [{ path: { value: "/whole" } }], timeouts: { request: "20ms" } });
  route(world, { matches: [{ path: { value: "/attempt" } }], timeouts: { backendRequest: "20ms" } });
  await using plane = await gateway(world);
  for (const path of ["/whole", "/attempt"]) {
    const answer = await fetch(plane.url + path);
    assert.equal(answer.status, 504);
    assert.equal((await answer.json()).reason, "Timeout");
  }
});

test("gives up at the backend what its caller gave up", async () => {
  let gone: Promise<unknown> | undefined;
  const controller = new AbortController();
  await using backend = await listen((incoming) => {
    gone = once(incoming.socket, "close");
    controller.abort();
  });
  const world = new HandWorld();
  world.addService("s", [backend]);
  route(world, {});
  await using plane = await gateway(world);
  await assert.rejects(fetch(plane.url, { signal: controller.signal }));
  assert.ok(gone);
  await gone;
});

test("splits by weight", () => {
  const world = new HandWorld();
  world.addService("old", [{ host: "127.0.0.1", port: 1 }]);
  world.addService("new", [{ host: "127.0.0.1", port: 2 }]);
  const refs = [
    { name: "old", port: 80, weight: 90 },
    { name: "new", port: 80, weight: 10 },
    { name: "none", port: 80, weight: 0 },
  ];
  world.addRoute("r", { rules: [{ backendRefs: refs }] });
  const facts = { method: "GET", path: "/", query: new URLSearchParams(), headers: {} };
  const rule = buildRouteTable(world, world.port).find("h", facts)?.rule;
  assert.ok(rule);
  const counts: Record<string, number> = {};
  for (let i = 0; i < 100; i++) {
    const name = createBalancer(world, () => i / 100).choose(rule)?.backend.ref.name ?? "nobody";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  assert.deepEqual(counts, { old: 90, new: 10 });
});

test("refuses callers, and keeps their credentials from backends", async () => {
  await using backend = await echo();
  const world = new HandWorld();
  world.addService("s", [backend]);
  world.addRoute("r", { rules: [{ backendRefs: [{ name: "s", port: 80 }] }] }, { annotations: {} });
  const access: Access = {
    check: async (_, authorization) =>
      authorization
        ? undefined
        : { status: 401, reason: "Unauthorized", message: "a token", headers: { "www-authenticate": "Bearer" } },
  };
  await using plane = await gateway(world, access);
  const refused = await fetch(plane.url);
  assert.equal(refused.status, 401);
  assert.equal(refused.headers.get("www-authenticate"), "Bearer");
  const seen = await (await fetch(plane.url, { headers: { authorization: "Bearer secret" } })).json();
  assert.equal(seen.headers.authorization, undefined);
});

test("answers when the cluster cannot be asked, and refuses paths that mean another one", async () => {
  await using backend = await echo();
  const world = new HandWorld();
  world.addService("s", [backend]);
  route(world, {});
  const access: Access = { check: () => Promise.reject(new Error("no answer")) };
  await using plane = await gateway(world, access);
  const answer = await fetch(plane.url);
  assert.equal(answer.status, 503);
  assert.equal((await answer.json()).reason, "ClusterUnavailable");
  for (const path of ["/a/../b", "/a/..", "/./a", "http://other/x"]) {
    const sent = request({ host: "127.0.0.1", port: plane.port, path }).end();
    const [refused] = (await once(sent, "response")) as [IncomingMessage];
    refused.resume();
    assert.equal(refused.statusCode, 400, path);
  }
});

test("joins WebSockets, and passes on a refusal to change protocol", async () => {
  await using backend = await listen((_, response) => {
    response.statusCode = 418;
    response.end("no sockets here");
  });
  const sockets = new WebSocketServer({ noServer: true });
  const world = new HandWorld();
  world.addService("s", [backend]);
  route(world, {});
  await using plane = await gateway(world);
  const refused = new WebSocket(plane.url.replace("http", "ws"));
  const [error] = await once(refused, "error");
  assert.match(String(error), /418/);
  backend.server.on("upgrade", (incoming, socket, head) =>
    sockets.handleUpgrade(incoming, socket, head, (socket) =>
      socket.on("message", (data) => socket.send(`echo ${data}`)),
    ),
  );
  const client = new WebSocket(plane.url.replace("http", "ws"));
  await once(client, "open");
  client.send("hello");
  const [data] = await once(client, "message");
  assert.equal(String(data), "echo hello");
  client.close();
  await once(client, "close");
  const lost = new WebSocket(plane.url.replace("http", "ws"), { headers: { host: "h" } });
  world.routeList = [];
  assert.match(String((await once(lost, "error"))[0]), /404/);
});

test("a busy port is named", async () => {
  await using plane = await gateway(new HandWorld());
  const options = {
    table: () => buildRouteTable(new HandWorld(), 1),
    balancer: createBalancer(new HandWorld()),
    access: open,
  };
  await assert.rejects(
    openDataPlane({ listen: { host: "127.0.0.1", port: plane.port }, ...options, log: silent }),
    /is in use: stop the program that has it, or choose another with --gateway-port/,
  );
});
