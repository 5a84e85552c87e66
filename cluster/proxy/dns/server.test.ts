import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import type { Endpoint } from "@capstan/api/generated/discovery-v1";
import { EndpointSlices, Services } from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { TestCluster } from "@capstan/testing/cluster";
import { type Answer, decode, encode, type Packet } from "dns-packet";
import { createDnsServer, type DnsServer } from "./server.ts";

let cluster: TestCluster;
let dns: DnsServer;
const outside = createSocket("udp4");
const namespace = "default";

before(async () => {
  outside.on("message", (query, { port, address }) => {
    const { id, questions } = decode(query);
    const name = questions?.[0]?.name ?? "";
    const answers: Answer[] = name === "example.org" ? [{ type: "A", name, ttl: 60, data: "203.0.113.7" }] : [];
    outside.send(encode({ type: "response", id, questions, answers }), port, address);
  });
  outside.bind(0, "127.0.0.1");
  await once(outside, "listening");
  cluster = await TestCluster.start({
    parts: ({ informers }) => {
      dns = createDnsServer({
        informers,
        host: "127.0.0.1",
        port: 0,
        servers: [`127.0.0.1:${outside.address().port}`],
        log: silent,
      });
      return dns;
    },
  });
  const { client } = cluster;
  const port = { name: "http", port: 80, protocol: "TCP" };
  await client.create(Services, {
    metadata: { namespace, name: "web" },
    spec: { clusterIP: "10.96.1.1", ports: [port] },
  });
  await client.create(Services, { metadata: { namespace, name: "db" }, spec: { clusterIP: "None", ports: [port] } });
  await client.create(Services, {
    metadata: { namespace, name: "far" },
    spec: { type: "ExternalName", externalName: "example.org" },
  });
  const endpoints: Endpoint[] = [
    { addresses: ["10.1.0.2"], hostname: "db-0", conditions: { ready: true } },
    { addresses: ["10.1.0.3"], hostname: "db-1", conditions: { ready: false } },
  ];
  await client.create(EndpointSlices, {
    metadata: { namespace, name: "db-x", labels: { "kubernetes.io/service-name": "db" } },
    addressType: "IPv4",
    endpoints,
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  });
  await client.create(Services, { metadata: { namespace, name: "many" }, spec: { clusterIP: "None", ports: [port] } });
  await client.create(EndpointSlices, {
    metadata: { namespace, name: "many-x", labels: { "kubernetes.io/service-name": "many" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.1.0.4"] }, { addresses: ["10.1.0.5"] }],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  });
  await dns.ready;
  for (let turn = 0; turn < 2000 && (await data("db.default.svc.cluster.local")).length === 0; turn++);
});
after(async () => {
  await cluster[Symbol.asyncDispose]();
  outside.close();
});

async function query(name: string, type = "A"): Promise<Packet & { rcode?: string }> {
  const socket = createSocket("udp4");
  socket.send(
    encode({ type: "query", id: 7, flags: 256, questions: [{ name, type: type as "A" }] }),
    dns.port,
    "127.0.0.1",
  );
  const [answer] = (await once(socket, "message")) as [Buffer];
  socket.close();
  return decode(answer);
}

async function data(name: string, type = "A"): Promise<unknown[]> {
  return ((await query(name, type)).answers ?? []).map((record) => ("data" in record ? record.data : undefined));
}

test("services have their address, headless ones those of ready endpoints", async () => {
  assert.deepEqual(await data("web.default.svc.cluster.local"), ["10.96.1.1"]);
  assert.deepEqual(await data("WEB.default.svc.Cluster.local"), ["10.96.1.1"]);
  assert.deepEqual(await data("db.default.svc.cluster.local"), ["10.1.0.2"]);
  assert.deepEqual(await data("db-0.db.default.svc.cluster.local"), ["10.1.0.2"]);
});

test("a name that is there has no AAAA; one that is not there is not there", async () => {
  const v6 = await query("web.default.svc.cluster.local", "AAAA");
  assert.equal(v6.rcode, "NOERROR");
  assert.deepEqual(v6.answers, []);
  assert.equal(v6.authorities?.[0]?.type, "SOA");
  for (const name of ["no.default.svc.cluster.local", "db-1.db.default.svc.cluster.local", "x.y.cluster.local"]) {
    assert.equal((await query(name)).rcode, "NXDOMAIN", name);
  }
});

test("the schema's version, addresses in turn, and an extension for who has one", async () => {
  const [version] = (await data("dns-version.cluster.local", "TXT")) as Buffer[][];
  assert.equal(String(version), "1.1.0");
  const firsts = new Set<unknown>();
  for (let time = 0; time < 200 && firsts.size < 2; time++)
    firsts.add((await data("many.default.svc.cluster.local"))[0]);
  assert.deepEqual([...firsts].sort(), ["10.1.0.4", "10.1.0.5"]);
  assert.deepEqual((await query("web.default.svc.cluster.local")).additionals, []);
  const socket = createSocket("udp4");
  const option: Answer = { type: "OPT", name: ".", udpPayloadSize: 4096, flags: 0, options: [] } as unknown as Answer;
  const questions = [{ name: "web.default.svc.cluster.local", type: "A" as const }];
  socket.send(encode({ type: "query", id: 8, questions, additionals: [option] }), dns.port, "127.0.0.1");
  const [answer] = (await once(socket, "message")) as [Buffer];
  socket.close();
  assert.equal(decode(answer).additionals?.[0]?.type, "OPT");
});

test("ports are found by SRV, names by PTR, pods by their address", async () => {
  const target = "db-0.db.default.svc.cluster.local";
  const srv = await query("_http._tcp.db.default.svc.cluster.local", "SRV");
  assert.deepEqual(
    srv.answers?.map((record) => "data" in record && record.data),
    [{ priority: 0, weight: 100, port: 8080, target }],
  );
  assert.equal(srv.additionals?.[0]?.name, target);
  assert.deepEqual(await data("1.1.96.10.in-addr.arpa", "PTR"), ["web.default.svc.cluster.local"]);
  assert.deepEqual(await data("2.0.1.10.in-addr.arpa", "PTR"), [target]);
  assert.deepEqual(await data("10-1-0-9.default.pod.cluster.local"), ["10.1.0.9"]);
});

test("an external name is an alias that is followed, other names are asked for elsewhere", async () => {
  const far = await query("far.default.svc.cluster.local");
  assert.deepEqual(
    far.answers?.map((record) => [record.type, "data" in record && record.data]),
    [
      ["CNAME", "example.org"],
      ["A", "203.0.113.7"],
    ],
  );
  assert.deepEqual(await data("example.org"), ["203.0.113.7"]);
});

test("the same over TCP, and nonsense does no harm", async () => {
  const socket = connect(dns.port, "127.0.0.1");
  const question = encode({ type: "query", id: 9, questions: [{ name: "web.default.svc.cluster.local", type: "A" }] });
  const head = Buffer.alloc(2);
  head.writeUInt16BE(question.length);
  socket.write(Buffer.concat([head, question]));
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.equal(decode(answer.subarray(2)).answers?.length, 1);
  socket.destroy();
  const udp = createSocket("udp4");
  udp.send(Buffer.alloc(40, 255), dns.port, "127.0.0.1");
  const [refused] = (await once(udp, "message")) as [Buffer];
  assert.equal(refused.readUInt16BE(2) & 15, 1);
  udp.close();
  assert.deepEqual(await data("web.default.svc.cluster.local"), ["10.96.1.1"]);
});
