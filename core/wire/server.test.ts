import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { StatusError } from "@capstan/api/meta";
import { createQueue, deferred } from "@capstan/base/async";
import type { Handler, HttpRequest } from "@capstan/base/http";
import { programsMissing } from "@capstan/testing/programs";
import { openAuthority } from "../pki/index.ts";
import { serve } from "./server.ts";
import { createTransport } from "./transport.ts";
import { isSwitched, joinSockets, writeSwitch } from "./upgrade.ts";

const run = promisify(execFile);
const get = (url: string, rest: Partial<HttpRequest> = {}): HttpRequest => {
  return { method: "GET", url, headers: {}, signal: new AbortController().signal, ...rest };
};
const echo: Handler = async ({ method, url, peer, body }) => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    method,
    url,
    certificate: peer?.certificate ?? peer?.refusedCertificate,
    size: body?.length ?? 0,
  }),
});
const text = async (body: unknown) => {
  let all = "";
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  for await (const chunk of body as AsyncIterable<Uint8Array>) all += Buffer.from(chunk).toString();
  return all;
};

const skip = programsMissing("curl", "openssl");

test("client certificates of the own authority are seen, others are known as refused", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "capstan-wire-"));
  t.after(() => rm(directory, { recursive: true }));
  const authority = await openAuthority({ directory });
  const stranger = await openAuthority({ directory: join(directory, "other") });
  const names = { commonName: "server", hosts: ["127.0.0.1"] };
  const serving = await authority.issue({ ...names, usages: ["server"] });
  await using server = await serve({ handler: echo, port: 0, tls: { ...serving, clientCa: authority.cert } });
  const seen = async (pair: { cert: string; key: string } | undefined) => {
    using transport = createTransport({ server: server.url, ca: authority.cert, ...pair });
    const answers = [await transport.handler(get("/a?b=c")), await transport.handler(get("/a"))];
    return Promise.all(answers.map(async ({ body }) => JSON.parse(await text(body)).certificate));
  };
  const request = { commonName: "jane", organizations: ["devs", "ops"], usages: ["client" as const] };
  const jane = { commonName: "jane", organizations: ["devs", "ops"] };
  assert.deepEqual(await seen(await authority.issue(request)), [jane, jane]);
  assert.deepEqual(await seen(await stranger.issue(request)), [true, true]);
  assert.deepEqual(await seen(await authority.issue({ ...request, usages: ["server"] })), [true, true]);
  assert.deepEqual(await seen(undefined), [undefined, undefined]);
  using unknowing = createTransport({ server: server.url });
  await assert.rejects(
    unknowing.handler(get("/")),
    /cannot reach https:\/\/127.0.0.1:\d+: .*(self-signed|certificate)/,
  );
});

test("curl and openssl speak with it, also after the certificate was renewed", { skip }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "capstan-wire-"));
  t.after(() => rm(directory, { recursive: true }));
  const authority = await openAuthority({ directory });
  const names = { commonName: "server", hosts: ["127.0.0.1"], usages: ["server" as const] };
  const tls = { ...(await authority.issue(names)), clientCa: authority.cert };
  await authority.obtain("jane", { commonName: "jane", usages: ["client"] });
  await using server = await serve({ handler: echo, port: 0, tls });
  const curl = (...args: string[]) =>
    run("curl", ["-sS", "--cacert", "ca.crt", ...args, server.url], { cwd: directory });
  const first = await curl("--cert", "jane.crt", "--key", "jane.key");
  assert.deepEqual(JSON.parse(first.stdout).certificate, { commonName: "jane", organizations: [] });
  const renewed = await authority.issue({ ...names, commonName: "renewed" });
  server.setTls({ ...renewed, clientCa: authority.cert });
  const shown = run("openssl", ["s_client", "-connect", `127.0.0.1:${server.port}`, "-CAfile", "ca.crt"], {
    cwd: directory,
  });
  shown.child.stdin?.end();
  const { stdout } = await shown;
  assert.match(stdout, /CN = renewed/);
  assert.match(stdout, /Verify return code: 0/);
  assert.match((await curl("-X", "POST", "--data-binary", "abc")).stdout, /"size":3/);
});

test("a stream arrives chunk by chunk, and its producer learns that the client left", async () => {
  const queue = createQueue<Uint8Array>();
  const left = deferred();
  const handler: Handler = async ({ signal }) => {
    signal.addEventListener("abort", () => {
      queue.end();
      left.resolve();
    });
    return { status: 200, headers: {}, body: queue };
  };
  await using server = await serve({ handler, port: 0 });
  using transport = createTransport({ server: server.url });
  const leave = new AbortController();
  const { body } = await transport.handler(get("/watch", { signal: leave.signal }));
  const chunks = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  for (const line of ["one\n", "two\n"]) {
    queue.push(Buffer.from(line));
    assert.equal(Buffer.from((await chunks.next()).value).toString(), line);
  }
  leave.abort();
  await left.promise;
  assert.equal((await chunks.next()).done, true);
});

test("a stream that fails is cut, not ended as if it were whole", async () => {
  const handler: Handler = async () => ({
    status: 200,
    headers: {},
    body: (async function* () {
      yield Buffer.from("half");
      throw new Error("disk gone");
    })(),
  });
  await using server = await serve({ handler, port: 0 });
  using transport = createTransport({ server: server.url });
  const { body } = await transport.handler(get("/"));
  await assert.rejects(text(body), /broke off/);
});

test("a slow reader slows the producer down", async () => {
  let produced = 0;
  const handler: Handler = async () => ({
    status: 200,
    headers: {},
    body: (async function* () {
      for (; produced < 1000; produced++) yield new Uint8Array(1024 * 1024);
    })(),
  });
  await using server = await serve({ handler, port: 0 });
  const socket = connect(server.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(socket, "readable");
  // A producer that nobody slows down would have made its thousand chunks within these turns of the loop.
  for (let turn = 0; turn < 2000; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(produced < 100, `${produced} MiB were made for a client that reads nothing`);
  socket.destroy();
});

test("errors are Status objects, and a body beyond the limit is refused by the limit's name", { skip }, async () => {
  const handler: Handler = async () => {
    throw new StatusError("TooManyRequests", "later", { retryAfterSeconds: 3 });
  };
  await using server = await serve({ handler, port: 0, maxBodyBytes: 10 });
  using transport = createTransport({ server: server.url });
  const refused = await transport.handler(get("/"));
  assert.equal(refused.status, 429);
  assert.equal(refused.headers["retry-after"], "3");
  assert.equal(JSON.parse(await text(refused.body)).reason, "TooManyRequests");
  const big = await transport.handler(get("/", { method: "POST", body: new Uint8Array(11) }));
  assert.equal(big.status, 413);
  assert.match(await text(big.body), /limit is 10/);
  const { stdout } = await run("curl", [
    "-sS",
    "-H",
    "Transfer-Encoding: chunked",
    "-d",
    "x".repeat(50_000),
    server.url,
  ]);
  assert.match(stdout, /Request entity too large/);
});

test("big answers are compressed for those who accept it", { skip }, async () => {
  const handler: Handler = async ({ url }) => ({ status: 200, headers: {}, body: "y".repeat(Number(url.slice(1))) });
  await using server = await serve({ handler, port: 0 });
  const sizeOf = async (path: string, ...args: string[]) =>
    (await run("curl", ["-sS", ...args, "-o", "/dev/null", "-w", "%{size_download}", server.url + path])).stdout;
  assert.equal(await sizeOf("/131072", "--compressed"), "131072");
  assert.ok(Number(await sizeOf("/131073", "--compressed")) < 2000);
  assert.equal(await sizeOf("/131073"), "131073");
});

test("a connection can change protocol, and a refusal is an ordinary answer", async (t) => {
  const backend = createServer((socket) => socket.pipe(socket)).listen(0);
  t.after(() => backend.close());
  await using server = await serve({
    handler: echo,
    port: 0,
    upgrade: async ({ url }, socket, head) => {
      if (url !== "/echo") throw new StatusError("Forbidden", "not here");
      writeSwitch(socket, ["Upgrade", "websocket", "Connection", "Upgrade"]);
      socket.write(head);
      await joinSockets(socket, connect((backend.address() as AddressInfo).port));
    },
  });
  using transport = createTransport({ server: server.url });
  const headers = { connection: "Upgrade", upgrade: "websocket" };
  // A server in front that only forwards shows that the handler alone carries a changed connection.
  await using front = await serve({ handler: transport.handler, port: 0 });
  using outer = createTransport({ server: front.url });
  for (const { handler } of [transport, outer]) {
    const changed = await handler(get("/echo", { headers }));
    assert.ok(isSwitched(changed));
    const { socket } = changed.connection;
    socket.write("ping");
    const [bytes] = await once(socket, "data");
    assert.equal(bytes.toString(), "ping");
    socket.end("last words");
    assert.equal(await text(socket), "last words");
    assert.equal((await handler(get("/other", { headers }))).status, 403);
  }
  const offered = await transport.handler(get("/", { headers: { connection: "Upgrade", upgrade: "h2c" } }));
  assert.equal(offered.status, 200);
});

test("a taken port is named, and close ends streams that would never end", async () => {
  const first = await serve({ handler: async () => ({ status: 200, headers: {}, body: createQueue() }), port: 0 });
  await assert.rejects(
    serve({ handler: echo, port: first.port }),
    new RegExp(`port ${first.port} on 127.0.0.1 is in use`),
  );
  using transport = createTransport({ server: first.url });
  const { body } = await transport.handler(get("/watch"));
  const [read] = await Promise.allSettled([text(body), first.close()]);
  assert.equal(read.status, "rejected");
});
