import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { after, before, test } from "node:test";
import type { ServicePort, ServiceSpec } from "@capstan/api/generated/core-v1";
import { EndpointSlices, Services } from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { TestCluster } from "@capstan/testing/cluster";
import { createServiceProxy } from "./index.ts";

// Every address of 127.0.0.0/8 is the machine's own: services get theirs from it.
let cluster: TestCluster;
const servers: Server[] = [];

before(async () => {
  cluster = await TestCluster.start({
    serviceCidr: "127.83.0.0/16",
    parts: async ({ informers }) => {
      const proxy = createServiceProxy({ informers, nodeAddresses: ["127.0.0.1"], log: silent });
      return proxy;
    },
  });
});
after(async () => {
  await cluster[Symbol.asyncDispose]();
  for (const server of servers) server.close();
});

/** A server that says its own name to whoever comes, and then what it is told. */
async function backend(name: string, host = "127.0.0.1"): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.write(`${name}:`);
    socket.pipe(socket);
  });
  servers.push(server);
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

interface Endpoint {
  address: string;
  port: number;
  ready?: boolean;
}

let names = 0;
async function service(
  endpoints: Endpoint[],
  spec: Partial<ServiceSpec> = {},
  annotations: Record<string, string> = {},
  protocol = "TCP",
) {
  const name = `svc-${names++}`;
  const ports: ServicePort[] = [{ name: "p", port: 8000 + names, protocol }];
  const made = await cluster.client.create(Services, {
    metadata: { namespace: "default", name, annotations },
    spec: { ports, ...spec },
  });
  for (const [index, { address, port, ready = true }] of endpoints.entries()) {
    await cluster.client.create(EndpointSlices, {
      metadata: { namespace: "default", name: `${name}-${index}`, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: [{ addresses: [address], conditions: { ready } }],
      ports: [{ name: "p", port, protocol }],
    });
  }
  return { name, host: made.spec?.clusterIP ?? "", port: ports[0]?.port ?? 0, made };
}

/** Says something at an address and returns what comes back; undefined when nobody listens. */
function ask(host: string, port: number, text = "hi", localAddress?: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, localAddress, allowHalfOpen: true });
    let answer = "";
    socket.once("connect", () => socket.end(text));
    socket.on("data", (data) => (answer += data));
    socket.on("end", () => resolve(answer));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") resolve(undefined);
      else reject(error);
    });
  });
}

/** The proxy follows a watch: what was just written counts a moment later. */
async function eventually<T>(look: () => Promise<T>, fine: (value: T) => boolean): Promise<T> {
  for (let turn = 0; ; turn++) {
    const value = await look();
    if (fine(value)) return value;
    assert.ok(turn < 2000, `still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("connections to a service's address go to its ready backends in turn", async () => {
  const [a, b, c] = [await backend("a"), await backend("b"), await backend("c")];
  const { host, port } = await service([
    { address: "127.0.0.1", port: a },
    { address: "127.0.0.1", port: b },
    { address: "127.0.0.1", port: c, ready: false },
  ]);
  await eventually(
    () => ask(host, port),
    (answer) => answer === "b:hi",
  );
  const answers = [];
  for (let time = 0; time < 4; time++) answers.push(await ask(host, port));
  assert.deepEqual(answers, ["a:hi", "b:hi", "a:hi", "b:hi"]);
});

test("a backend that refuses is replaced by another; without any, connections are refused", async () => {
  const good = await backend("good");
  const bad = await freePort();
  const { host, port, name } = await service([
    { address: "127.0.0.1", port: bad },
    { address: "127.0.0.1", port: good },
  ]);
  await eventually(
    () => ask(host, port),
    (answer) => answer === "good:hi",
  );
  for (let time = 0; time < 4; time++) assert.equal(await ask(host, port), "good:hi");
  for (const index of [0, 1])
    await cluster.client.delete(EndpointSlices, { namespace: "default", name: `${name}-${index}` });
  await eventually(
    () => ask(host, port),
    (answer) => answer === undefined,
  );
});

test("a client with affinity stays where it was", async () => {
  const [a, b] = [await backend("a"), await backend("b")];
  const { host, port } = await service(
    [
      { address: "127.0.0.1", port: a },
      { address: "127.0.0.1", port: b },
    ],
    { sessionAffinity: "ClientIP" },
  );
  const first = await eventually(
    () => ask(host, port),
    (answer) => answer !== undefined,
  );
  for (let time = 0; time < 3; time++) assert.equal(await ask(host, port), first);
  const others = [];
  for (let time = 2; time < 6; time++) others.push(await ask(host, port, "hi", `127.0.0.${time}`));
  assert.ok(others.some((answer) => answer !== first));
});

test("node ports, and a scheduler by annotation", async () => {
  const [a, b] = [await backend("a"), await backend("b")];
  const { made } = await service(
    [
      { address: "127.0.0.1", port: a },
      { address: "127.0.0.1", port: b },
    ],
    { type: "NodePort" },
    { "capstan.dev/scheduler": "sh" },
  );
  const nodePort = made.spec?.ports?.[0]?.nodePort ?? 0;
  assert.ok(nodePort >= 30_000);
  const first = await eventually(
    () => ask("127.0.0.1", nodePort),
    (answer) => answer !== undefined,
  );
  for (let time = 0; time < 3; time++) assert.equal(await ask("127.0.0.1", nodePort), first);
});

test("datagrams of a client go to one backend and come back", async () => {
  const server = createSocket("udp4");
  server.on("message", (data, { port, address }) => server.send(`re:${data}`, port, address));
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const { host, port } = await service([{ address: "127.0.0.1", port: server.address().port }], {}, {}, "UDP");
  const client = createSocket("udp4");
  const answered = once(client, "message");
  const over = new AbortController();
  void answered.then(() => over.abort());
  // The first may be lost while the proxy does not listen yet.
  client.on("error", () => {});
  while (!over.signal.aborted) {
    client.send("x", port, host);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(String((await answered)[0]), "re:x");
  client.close();
  server.close();
});
