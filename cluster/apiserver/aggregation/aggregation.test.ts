import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { APIService } from "@capstan/api/generated/apiregistration-v1";
import {
  APIServices,
  ConfigMaps,
  CustomResourceDefinitions,
  EndpointSlices,
  Services,
} from "@capstan/api/generated/resources";
import { isReason, type KubeObject } from "@capstan/api/meta";
import { type Authority, openAuthority } from "@capstan/core/pki";
import { TestCluster } from "@capstan/testing/cluster";
import { swaggerPart, toOpenApi3 } from "./descriptions.ts";
import type { FrontProxy } from "./remote.ts";

const condition = (service: APIService | undefined) => {
  const found = service?.status?.conditions?.find(({ type }) => type === "Available");
  return found && `${found.status} ${found.reason}`;
};

test("every group-version is registered as Local, custom ones while they are served", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const apps = await cluster.until(APIServices, { name: "v1.apps" }, (found) => condition(found) === "True Local");
  assert.equal(apps?.metadata.labels?.["kube-aggregator.kubernetes.io/automanaged"], "onstart");
  assert.ok(await cluster.until(APIServices, { name: "v1." }, (found) => found !== undefined));
  const schema = { openAPIV3Schema: { type: "object" } };
  await client.create(CustomResourceDefinitions, {
    metadata: { name: "pegs.example.com" },
    spec: {
      group: "example.com",
      scope: "Cluster",
      names: { plural: "pegs", kind: "Peg" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  });
  await cluster.until(APIServices, { name: "v1.example.com" }, (found) => condition(found) === "True Local");
  await client.delete(APIServices, { name: "v1.apps" });
  await cluster.until(APIServices, { name: "v1.apps" }, (found) => found?.metadata.uid !== apps?.metadata.uid);
  await client.delete(CustomResourceDefinitions, { name: "pegs.example.com" });
  await cluster.until(APIServices, { name: "v1.example.com" }, (found) => found === undefined);
});

interface Seen {
  url: string;
  headers: IncomingHttpHeaders & { raw: string[] };
  commonName: string | undefined;
}

const resources = [
  { name: "readings", singularName: "reading", namespaced: true, kind: "Reading", verbs: ["get", "list"] },
  { name: "readings/status", singularName: "", namespaced: true, kind: "Reading", verbs: ["get"] },
];

/** A server as extensions of the API are: it asks for the front proxy's certificate. */
async function startExtension(
  directory: string,
  documents: Record<string, object>,
): Promise<{ server: Server; port: number; seen: Seen[]; front: FrontProxy; own: Authority }> {
  const own = await openAuthority({ directory: join(directory, "extension") });
  const proxies = await openAuthority({ directory: join(directory, "front-proxy") });
  const tls = await own.issue({ commonName: "readings", hosts: ["readings.default.svc"], usages: ["server"] });
  const pair = await proxies.issue({ commonName: "front-proxy-client", usages: ["client"] });
  const seen: Seen[] = [];
  const server = createServer({ ...tls, ca: proxies.cert, requestCert: true }, (request, response) => {
    const { url = "", headers, rawHeaders, socket } = request;
    const commonName = (socket as import("node:tls").TLSSocket).getPeerCertificate().subject?.CN as string | undefined;
    seen.push({ url, headers: { ...headers, raw: rawHeaders }, commonName });
    response.setHeader("content-type", "application/json");
    const list = { kind: "APIResourceList", apiVersion: "v1", groupVersion: "data.example.com/v1", resources };
    const path = url.split("?")[0] ?? "";
    if (documents[path]) response.end(JSON.stringify(documents[path]));
    else response.end(JSON.stringify(url === "/apis/data.example.com/v1" ? list : { kind: "Reading", url }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const front = { ...pair, ca: proxies.cert, clientCa: own.cert };
  return { server, port: (server.address() as AddressInfo).port, seen, front, own };
}

/** @param documents what it says of itself, by path. */
async function startWithExtension(documents: Record<string, object> = {}) {
  const directory = await mkdtemp(join(tmpdir(), "capstan-aggregation-"));
  const extension = await startExtension(directory, documents);
  const cluster = await TestCluster.start({ frontProxy: extension.front });
  return {
    ...extension,
    cluster,
    client: cluster.client,
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      extension.server.closeAllConnections();
      await new Promise((resolve) => extension.server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

const registration = (ca: string) => ({
  metadata: { name: "v1.data.example.com" },
  spec: {
    group: "data.example.com",
    version: "v1",
    groupPriorityMinimum: 100,
    versionPriority: 100,
    caBundle: Buffer.from(ca).toString("base64"),
    service: { namespace: "default", name: "readings" },
  },
});
const ref = { name: "v1.data.example.com" };

async function expose(cluster: TestCluster, port: number): Promise<void> {
  const ports = [{ name: "https", port: 443, targetPort: port }];
  await cluster.client.create(Services, { metadata: { namespace: "default", name: "readings" }, spec: { ports } });
  await cluster.client.create(EndpointSlices, {
    metadata: { namespace: "default", name: "readings-1", labels: { "kubernetes.io/service-name": "readings" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"] }],
    ports: [{ name: "https", port }],
  });
}

test("requests go to the server behind an APIService, as their user; discovery tells of it", async () => {
  await using world = await startWithExtension();
  const { cluster, client, seen } = world;
  await client.create(APIServices, registration(world.own.cert));
  await cluster.until(APIServices, ref, (found) => condition(found) === "False ServiceNotFound");
  const url = "/apis/data.example.com/v1/namespaces/default/readings/a?x=1";
  await assert.rejects(client.request({ url }), (thrown) => isReason(thrown, "ServiceUnavailable"));
  await expose(cluster, world.port);
  await cluster.until(APIServices, ref, (found) => condition(found) === "True Passed");
  seen.length = 0;
  const extra = { "example.com/scope": ["one", "two"] };
  const user = cluster.clientOf({ name: "jane", uid: "u1", groups: ["dev", "ops"], extra });
  const headers = { authorization: "Bearer secret", "x-remote-user": "root", "x-remote-group": "system:masters" };
  const answer = await user.request({ url, headers });
  assert.deepEqual(JSON.parse(Buffer.from(answer.body as Uint8Array).toString()), { kind: "Reading", url });
  const request = seen.find((one) => one.url === url);
  assert.equal(request?.commonName, "front-proxy-client");
  const sent = (name: string) =>
    request?.headers.raw.filter((_, i, all) => i % 2 === 1 && all[i - 1]?.toLowerCase() === name);
  assert.deepEqual(sent("x-remote-user"), ["jane"]);
  assert.deepEqual(sent("x-remote-uid"), ["u1"]);
  assert.deepEqual(sent("x-remote-group"), ["dev", "ops"]);
  assert.deepEqual(sent("x-remote-extra-example.com%2fscope"), ["one", "two"]);
  assert.deepEqual(sent("authorization"), []);
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const discovery = await client.request({ url: "/apis", headers: { accept } });
  const { items } = JSON.parse(Buffer.from(discovery.body as Uint8Array).toString()) as {
    items: (KubeObject & { versions: { resources: { resource: string; subresources: object[] }[] }[] })[];
  };
  const group = items.find(({ metadata }) => metadata.name === "data.example.com");
  assert.deepEqual(
    group?.versions[0]?.resources.map(({ resource, subresources }) => [resource, subresources.length]),
    [["readings", 1]],
  );
  const map = await client.get(ConfigMaps, { namespace: "kube-system", name: "extension-apiserver-authentication" });
  assert.equal(map.data?.["requestheader-client-ca-file"], world.front.ca);
});

const gvk = [{ group: "data.example.com", version: "v1", kind: "Reading" }];
const swagger = {
  swagger: "2.0",
  paths: {
    "/apis/data.example.com/v1/readings": {
      post: {
        consumes: ["application/json"],
        produces: ["application/json"],
        parameters: [
          { name: "body", in: "body", schema: { $ref: "#/definitions/Reading" } },
          { name: "dryRun", in: "query", type: "string", uniqueItems: true },
        ],
        responses: { "200": { description: "OK", schema: { $ref: "#/definitions/Reading" } } },
      },
    },
    "/apis/other.example.com/v1/things": {},
  },
  definitions: {
    Reading: {
      type: "object",
      properties: { metadata: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" } },
      "x-kubernetes-group-version-kind": gvk,
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": { type: "object", description: "its own" },
    Thing: { type: "object" },
  },
};

test("what the server says of itself becomes part of what this one says", async () => {
  const own = { openapi: "3.0.0", paths: { "/apis/data.example.com/v1/readings": {} } };
  const root = "apis/data.example.com/v1";
  await using world = await startWithExtension({
    "/openapi/v2": swagger,
    "/openapi/v3": { paths: { [root]: { serverRelativeURL: `/openapi/v3/${root}?hash=ABC` } } },
    [`/openapi/v3/${root}`]: own,
  });
  const { cluster, client } = world;
  await expose(cluster, world.port);
  await client.create(APIServices, registration(world.own.cert));
  const read = async (url: string) =>
    JSON.parse(Buffer.from((await client.request({ url })).body as Uint8Array).toString());
  await cluster.until(APIServices, ref, (found) => condition(found) === "True Passed");
  // Its description is read after the condition is written.
  const described = async (): Promise<string> => {
    const url = (await read("/openapi/v3")).paths[root]?.serverRelativeURL;
    return url?.includes("hash=ABC") ? url : new Promise((resolve) => setImmediate(resolve)).then(described);
  };
  assert.deepEqual(await read(await described()), own);
  const whole = await read("/openapi/v2");
  assert.ok(whole.paths["/apis/data.example.com/v1/readings"]);
  assert.equal(whole.paths["/apis/other.example.com/v1/things"], undefined);
  assert.equal(whole.definitions.Thing, undefined);
  const renamed = "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta_v2";
  assert.equal(whole.definitions.Reading.properties.metadata.$ref, renamed);
  await client.delete(APIServices, ref);
  assert.equal((await read("/openapi/v3")).paths[root], undefined);
  assert.equal((await read("/openapi/v2")).definitions.Reading, undefined);
});

test("a server with Swagger alone gets a document made of it", () => {
  const part = swaggerPart(swagger, "data.example.com/v1");
  assert.ok(part);
  const { paths, components } = toOpenApi3(part, { title: "t" }) as {
    paths: Record<string, unknown>;
    components: { schemas: Record<string, unknown> };
  };
  assert.deepEqual(paths["/apis/data.example.com/v1/readings"], {
    post: {
      parameters: [{ name: "dryRun", in: "query", schema: { type: "string", uniqueItems: true } }],
      requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Reading" } } } },
      responses: {
        "200": {
          description: "OK",
          content: { "application/json": { schema: { $ref: "#/components/schemas/Reading" } } },
        },
      },
    },
  });
  assert.deepEqual(Object.keys(components.schemas), ["Reading", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]);
});

test("a server that ends is unavailable, and its group goes with its APIService", async () => {
  await using world = await startWithExtension();
  const { cluster, client, server } = world;
  await expose(cluster, world.port);
  await client.create(APIServices, registration(world.own.cert));
  await cluster.until(APIServices, ref, (found) => condition(found) === "True Passed");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const url = "/apis/data.example.com/v1/readings";
  await assert.rejects(client.request({ url }), /error trying to reach service/);
  await cluster.until(APIServices, ref, (found) => condition(found) === "False FailedDiscoveryCheck");
  await assert.rejects(client.request({ url }), /service unavailable/);
  await client.delete(APIServices, ref);
  await assert.rejects(client.request({ url }), (thrown) => isReason(thrown, "NotFound"));
  await assert.rejects(client.request({ url: "/apis/data.example.com" }), (thrown) => isReason(thrown, "NotFound"));
});

test("a wrong APIService is refused", async () => {
  await using cluster = await TestCluster.start();
  const bad = registration("");
  Object.assign(bad.spec, { insecureSkipTLSVerify: true, caBundle: "eA==", versionPriority: 0 });
  await assert.rejects(
    cluster.client.create(APIServices, { ...bad, metadata: { name: "other" } }),
    /metadata.name: Invalid value.*versionPriority: Invalid value.*insecureSkipTLSVerify: Invalid value/s,
  );
});
