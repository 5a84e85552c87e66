import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Container, Probe } from "@capstan/api/generated/core-v1";
import { FakeRuntime } from "@capstan/core/runtime";
import { type ProbeTarget, runHook, tryProbe } from "./handler.ts";

const signal = new AbortController().signal;

async function target(container: Partial<Container> = {}): Promise<ProbeTarget> {
  const runtime = new FakeRuntime(([verb, code, output]) =>
    verb === "exit" ? { exitCode: Number(code), output } : {},
  );
  const { id } = await runtime.runPodSandbox({
    name: "p",
    namespace: "n",
    uid: "u",
    hostname: "h",
    labels: {},
    namespaces: {},
  });
  await runtime.pullImage("i");
  const config = { name: "c", attempt: 0, image: "i", env: [], mounts: [], labels: {}, logPath: "/dev/null" };
  const containerId = await runtime.createContainer(id, config);
  await runtime.startContainer(containerId);
  return { runtime, containerId, container: { name: "c", ...container }, address: "127.0.0.1" };
}

const say = async (probe: Probe, container: Partial<Container> = {}) => {
  const { healthy, message } = await tryProbe(probe, await target(container), signal);
  return `${healthy ? "ok" : "bad"} ${message}`;
};

test("commands: their code and what they say", async () => {
  assert.equal(await say({ exec: { command: ["exit", "0", "fine\n"] } }), "ok fine");
  assert.equal(await say({ exec: { command: ["exit", "2", "no"] } }), "bad no");
  assert.equal(
    await say({ exec: { command: ["stay"] }, timeoutSeconds: 1 }),
    'bad command timed out: "stay" timed out after 1s',
  );
});

test("http: 200 to 399, by a port's name too, redirects on the same host", async () => {
  const server = createServer(({ url, headers }, response) => {
    if (url === "/moved") response.writeHead(302, { location: "/ok" }).end();
    else if (url === "/away") response.writeHead(302, { location: "http://192.0.2.1/" }).end();
    else if (url === "/slow") return;
    else response.writeHead(url === "/ok" && headers["x-key"] !== "bad" ? 200 : 503).end("body");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const at = (path: string, extra: object = {}) => say({ httpGet: { path, port, ...extra } });
  assert.equal(await at("/ok"), "ok body");
  assert.equal(await at("/moved"), "ok body");
  assert.equal(await at("/away"), "ok Probe terminated redirects, Response body: ");
  assert.equal(await at("/none"), "bad HTTP probe failed with statuscode: 503");
  assert.equal(
    await at("/ok", { httpHeaders: [{ name: "X-Key", value: "bad" }] }),
    "bad HTTP probe failed with statuscode: 503",
  );
  assert.equal(
    await say({ httpGet: { path: "/ok", port: "web" } }, { ports: [{ name: "web", containerPort: port }] }),
    "ok body",
  );
  assert.match(await say({ httpGet: { port: "none" } }), /bad couldn't find port "none" in container c/);
  assert.match(await at("/slow"), /bad Get "http:\/\/127.0.0.1:\d+\/slow": context deadline exceeded/);
  assert.equal(await say({ tcpSocket: { port } }), "ok ");
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  assert.match(await at("/ok"), /bad Get ".*": dial tcp 127.0.0.1:\d+: connect: connection refused$/);
  assert.match(await say({ tcpSocket: { port } }), /bad dial tcp 127.0.0.1:\d+: .*connect: connection refused$/);
});

test("grpc: the health protocol's SERVING", async () => {
  const server = createHttp2Server();
  server.on("stream", (stream) => {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => {
      const service = Buffer.concat(parts).subarray(7).toString();
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () =>
        stream.sendTrailers(
          service === "unknown" ? { "grpc-status": "5", "grpc-message": "unknown service" } : { "grpc-status": "0" },
        ),
      );
      stream.end(service === "unknown" ? "" : Buffer.from([0, 0, 0, 0, 2, 8, service === "down" ? 2 : 1]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  assert.equal(await say({ grpc: { port } }), "ok ");
  assert.equal(await say({ grpc: { port, service: "down" } }), 'bad service unhealthy (responded with "NOT_SERVING")');
  assert.equal(await say({ grpc: { port, service: "unknown" } }), "bad rpc error: code 5: unknown service");
  server.close();
  await once(server, "close");
  assert.match(await say({ grpc: { port } }), /bad failed to connect service/);
});

test("hooks fail with what their command said, and end when they are told to", async () => {
  const at = await target();
  await runHook({ exec: { command: ["exit", "0"] } }, at, signal);
  await assert.rejects(
    runHook({ exec: { command: ["exit", "3", "why"] } }, at, signal),
    /command 'exit 3 why' exited with 3: why/,
  );
  const stop = new AbortController();
  const waiting = assert.rejects(runHook({ exec: { command: ["stay"] } }, at, stop.signal), /stopped meanwhile/);
  stop.abort();
  await waiting;
  await runHook({ sleep: { seconds: 1000 } }, at, AbortSignal.abort());
});

test("headers as given, each value of a name, and the usual ones where none is", async () => {
  const seen: Record<string, unknown>[] = [];
  const server = createServer(({ headers, headersDistinct }, response) => {
    const { host, accept, "user-agent": agent } = headers;
    seen.push({ host, accept, agent, many: headersDistinct["x-many"] });
    response.end();
  }).listen(0, "127.0.0.1");
  server.unref();
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const many = ["a", "b"].map((value) => ({ name: "X-Many", value }));
  await say({ httpGet: { port, httpHeaders: [{ name: "Host", value: "shop" }, ...many] } });
  await say({ httpGet: { port, httpHeaders: [{ name: "Accept", value: "" }] } });
  server.close();
  assert.deepEqual(seen, [
    { host: "shop", accept: "*/*", agent: "kube-probe/1.34", many: ["a", "b"] },
    { host: `127.0.0.1:${port}`, accept: undefined, agent: "kube-probe/1.34", many: undefined },
  ]);
});
