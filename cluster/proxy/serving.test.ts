import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import type { KubeObject } from "@capstan/api/meta";
import { silent } from "@capstan/base/log";
import { nftMissing } from "@capstan/core/runtime";
import type { Plan } from "./plan.ts";
import { Serving } from "./serving.ts";

const object: KubeObject = { apiVersion: "v1", kind: "Service", metadata: { namespace: "default", name: "web" } };
const plan = (id: string, host: string, port: number, backend?: number): Plan => ({
  id,
  port: { name: "", protocol: "TCP", port, nodePort: undefined },
  settings: {
    backends: backend === undefined ? [] : [{ address: "127.0.0.1", port: backend, weight: 1 }],
    scheduler: "rr",
    affinity: undefined,
  },
  frontends: [{ host, port, kind: "cluster" }],
});

async function echo() {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

test("connections go on when their endpoint is no longer one; new ones are refused", async () => {
  const { server, port } = await echo();
  const serving = new Serving({ mode: "userspace", allows: () => true, problem: () => {}, log: silent });
  serving.begin();
  serving.settle("Service web", object, [plan("web", "127.90.0.1", 8080, port)]);
  await serving.settled();
  const socket = connect(8080, "127.90.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write("one");
  assert.equal(String((await once(socket, "data"))[0]), "one");
  serving.settle("Service web", object, [plan("web", "127.90.0.1", 8080)]);
  await serving.settled();
  socket.write("two");
  assert.equal(String((await once(socket, "data"))[0]), "two");
  const late = connect(8080, "127.90.0.1");
  const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
  const closed = once(socket, "close");
  await serving.close();
  await closed;
  server.close();
});

test("what was sent arrives whole, and a connection that was cut off is one at the other end too", async () => {
  const size = 8 * 2 ** 20;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (data) => {
      if (String(data) === "cut") socket.write("x", () => socket.resetAndDestroy());
      else socket.end(Buffer.alloc(size));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const serving = new Serving({ mode: "userspace", allows: () => true, problem: () => {}, log: silent });
  serving.begin();
  serving.settle("Service web", object, [plan("web", "127.90.0.3", 8080, port)]);
  await serving.settled();
  const whole = connect({ host: "127.90.0.3", port: 8080 });
  whole.end("all");
  let got = 0;
  for await (const data of whole as AsyncIterable<Buffer>) got += data.length;
  assert.equal(got, size);
  const cut = connect({ host: "127.90.0.3", port: 8080 });
  cut.resume().write("cut");
  const [error] = (await once(cut, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNRESET");
  await serving.close();
  server.close();
});

test("datagrams that come at once arrive all, and a client is moved when its endpoint is one no longer", async () => {
  const servers = await Promise.all(
    ["a", "b"].map(async (name) => {
      const server = createSocket("udp4");
      server.on("message", (data, { port, address }) => server.send(`${name}${data}`, port, address));
      server.bind(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const [a = 0, b = 0] = servers.map((server) => server.address().port);
  const serving = new Serving({ mode: "userspace", allows: () => true, problem: () => {}, log: silent });
  serving.begin();
  const udp = (to: number): Plan => {
    const one = plan("dns", "127.90.0.4", 8053, to);
    return { ...one, port: { ...one.port, protocol: "UDP" } };
  };
  serving.settle("Service dns", object, [udp(a)]);
  await serving.settled();
  const client = createSocket("udp4");
  const answers: string[] = [];
  const all = new Promise<void>((resolve) => {
    client.on("message", (data) => answers.push(String(data)) === 3 && resolve());
  });
  for (const text of ["1", "2", "3"]) client.send(text, 8053, "127.90.0.4");
  await all;
  assert.deepEqual(answers.sort(), ["a1", "a2", "a3"]);
  serving.settle("Service dns", object, [udp(b)]);
  await serving.settled();
  client.removeAllListeners("message");
  client.send("4", 8053, "127.90.0.4");
  assert.equal(String((await once(client, "message"))[0]), "b4");
  client.close();
  await serving.close();
  for (const server of servers) server.close();
});

test("what an address is served for is told when it cannot be", async () => {
  const { server, port } = await echo();
  const problems: string[] = [];
  const problem = (_: KubeObject, text: string) => problems.push(text);
  const serving = new Serving({ mode: "userspace", allows: () => true, problem, log: silent });
  serving.begin();
  serving.settle("Service web", object, [plan("web", "127.0.0.1", port, port)]);
  await serving.settled();
  assert.match(problems.join(), /^127\.0\.0\.1:\d+ cannot be served: listen EADDRINUSE/);
  await serving.close();
  server.close();
});

test("rules that the kernel does not take are no end: user space serves", { skip: nftMissing() ?? false }, async () => {
  const { server, port } = await echo();
  const kernel = { podCidr: "10.0.0.0/8", serviceCidr: "nonsense", table: `capstantest${process.pid}` };
  const serving = new Serving({ mode: "nftables", kernel, allows: () => true, problem: () => {}, log: silent });
  serving.begin();
  serving.settle("Service web", object, [plan("web", "127.90.0.2", 8080, port)]);
  await serving.settled();
  assert.match(serving.about(), /^mode userspace; nft, table capstantest\d+:/);
  const socket = connect(8080, "127.90.0.2");
  await once(socket, "connect");
  socket.destroy();
  await serving.close();
  server.close();
});
