import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { CustomResourceDefinitions, EndpointSlices, Services } from "@capstan/api/generated/resources";
import {
  defaultGateway,
  GatewayClasses,
  Gateways,
  gatewayClassName,
  type HttpRoute,
  HttpRoutes,
} from "@capstan/api/kinds/gateway";
import { gatewayDefinitions } from "@capstan/api/kinds/gateway-definitions";
import type { HttpRequest } from "@capstan/base/http";
import { silent } from "@capstan/base/log";
import { TestCluster } from "@capstan/testing/cluster";
import { createGateway, type GatewayServer } from "./index.ts";

const namespace = "default";

async function start(): Promise<{ cluster: TestCluster; gateway: GatewayServer }> {
  let gateway: GatewayServer | undefined;
  const cluster = await TestCluster.start({
    async parts({ client, informers }) {
      for (const definition of gatewayDefinitions) await client.create(CustomResourceDefinitions, definition);
      gateway = createGateway({ client, informers, listen: { host: "127.0.0.1", port: 0 }, log: silent });
      return gateway;
    },
  });
  assert.ok(gateway);
  await gateway.ready;
  return { cluster, gateway };
}

const accepted = (route: HttpRoute | undefined, type = "Accepted") =>
  route?.status?.parents[0]?.conditions.find((condition) => condition.type === type);

test("makes its class and gateway, and says that they work", async () => {
  const { cluster, gateway } = await start();
  await using _ = cluster;
  const made = await cluster.until(Gateways, defaultGateway, (object) => object?.status?.conditions?.length === 2);
  assert.equal(made?.spec.listeners[0]?.port, gateway.port);
  assert.deepEqual(
    made?.status?.conditions?.map(({ type, status }) => `${type}=${status}`),
    ["Accepted=True", "Programmed=True"],
  );
  const served = await cluster.until(
    GatewayClasses,
    { name: gatewayClassName },
    (object) => !!object?.status?.conditions,
  );
  assert.equal(served?.status?.conditions?.[0]?.status, "True");
});

test("serves a route as soon as it is there, and follows services and endpoints", async () => {
  const { cluster, gateway } = await start();
  await using _ = cluster;
  const { client } = cluster;
  const backend = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
  await once(backend, "listening");
  const { port } = backend.address() as AddressInfo;
  const url = `http://127.0.0.1:${gateway.port}/`;
  const backendRefs = [{ name: "s", port: 80 }];
  const ref = { namespace, name: "r" };
  const annotations = { "capstan.dev/auth": "none" };
  await client.create(HttpRoutes, {
    metadata: { ...ref, annotations },
    spec: { parentRefs: [{ ...defaultGateway }], rules: [{ backendRefs }] },
  });
  const route = await cluster.until(HttpRoutes, ref, (object) => accepted(object, "ResolvedRefs")?.status === "False");
  assert.equal(accepted(route)?.status, "True");
  assert.equal(accepted(route, "ResolvedRefs")?.reason, "BackendNotFound");
  assert.equal((await fetch(url)).status, 500);
  await client.create(Services, { metadata: { namespace, name: "s" }, spec: { ports: [{ port: 80 }] } });
  await cluster.until(HttpRoutes, ref, (object) => accepted(object, "ResolvedRefs")?.status === "True");
  assert.equal((await fetch(url)).status, 503);
  await client.create(EndpointSlices, {
    metadata: { namespace, name: "s-1", labels: { "kubernetes.io/service-name": "s" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
    ports: [{ name: "", port }],
  });
  const slices = cluster.informers.informer(EndpointSlices);
  await new Promise<void>((resolve) => {
    slices.onChange(({ object }) => object.metadata.name === "s-1" && resolve());
  });
  assert.equal(await (await fetch(url)).text(), "hello");
  const attached = await cluster.until(
    Gateways,
    defaultGateway,
    (object) => object?.status?.listeners?.[0]?.attachedRoutes === 1,
  );
  assert.ok(attached);
  await client.delete(HttpRoutes, ref);
  await cluster.until(Gateways, defaultGateway, (object) => object?.status?.listeners?.[0]?.attachedRoutes === 0);
  assert.equal((await fetch(url)).status, 404);
  backend.closeAllConnections();
  backend.close();
});

test("a busy port rejects the start and the readiness", async () => {
  const { cluster, gateway } = await start();
  await using _ = cluster;
  const { client, informers, signal } = cluster;
  const second = createGateway({ client, informers, listen: { host: "127.0.0.1", port: gateway.port }, log: silent });
  await assert.rejects(second.start(signal), /is in use/);
  await assert.rejects(second.ready, /is in use/);
});

test("answers its own paths itself, unless a route claims their host", async () => {
  const seen: string[] = [];
  const own = {
    prefix: "/own/",
    handler: async ({ method, url, body }: HttpRequest) => {
      seen.push(`${method} ${url} ${new TextDecoder().decode(body)}`);
      return { status: 202, headers: { "x-own": "yes" }, body: "taken" };
    },
  };
  let gateway: GatewayServer | undefined;
  await using cluster = await TestCluster.start({
    async parts({ client, informers }) {
      for (const definition of gatewayDefinitions) await client.create(CustomResourceDefinitions, definition);
      gateway = createGateway({ client, informers, listen: { host: "127.0.0.1", port: 0 }, log: silent, own: [own] });
      return gateway;
    },
  });
  await gateway?.ready;
  const { client } = cluster;
  const route = (name: string, hostnames: string[]) =>
    client.create(HttpRoutes, {
      metadata: { namespace, name, annotations: { "capstan.dev/auth": "none" } },
      spec: { parentRefs: [{ ...defaultGateway }], hostnames, rules: [{ backendRefs: [{ name: "s", port: 80 }] }] },
    });
  await route("all", []);
  await route("one", ["one.example"]);
  for (const name of ["all", "one"])
    await cluster.until(HttpRoutes, { namespace, name }, (object) => accepted(object)?.status === "True");
  const url = `http://127.0.0.1:${gateway?.port}/own/x?y=1`;
  const answer = await fetch(url, { method: "POST", body: "text" });
  assert.deepEqual([answer.status, answer.headers.get("x-own"), await answer.text()], [202, "yes", "taken"]);
  assert.deepEqual(seen, ["POST /own/x?y=1 text"]);
  assert.equal((await fetch(url.replace("/own/", "/owner/"))).status, 500, "another path is a route's");
  const large = await fetch(url, { method: "POST", body: "x".repeat(5 * 1024 * 1024 + 1) });
  assert.equal(large.status, 413);
  const status = await new Promise((resolve, reject) => {
    const headers = { host: "one.example" };
    get(url, { headers }, (response) => resolve(response.statusCode)).on("error", reject);
  });
  assert.equal(status, 500);
});
