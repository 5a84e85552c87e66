// What a cluster has before anybody asks: its namespaces and the Service of the API server.
import { StatusError } from "@capstan/api/meta";
import type { Handler } from "@capstan/base/http";
import { type FrontProxy, frontProxyData } from "./aggregation/remote.ts";
import { firstAddress } from "./service-addresses.ts";

const namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

export interface BootstrapOptions {
  serviceCidr: string;
  advertise?: { address: string; port: number };
  frontProxy?: FrontProxy;
}

/** Creates what is missing through the API itself. Throws what the API answers, except that something exists. */
export async function bootstrap(
  handler: Handler,
  { serviceCidr, advertise, frontProxy }: BootstrapOptions,
): Promise<void> {
  for (const name of namespaces) await ensure(handler, "/api/v1/namespaces", named("v1", "Namespace", name));
  const labels = { component: "apiserver", provider: "kubernetes" };
  await ensure(handler, "/api/v1/namespaces/default/services", {
    ...named("v1", "Service", "kubernetes", labels),
    spec: {
      type: "ClusterIP",
      clusterIP: firstAddress(serviceCidr),
      ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: advertise?.port ?? 6443 }],
    },
  });
  if (advertise) await publishEndpoint(handler, advertise);
  if (frontProxy) {
    const authentication = {
      ...named("v1", "ConfigMap", "extension-apiserver-authentication"),
      data: frontProxyData(frontProxy),
    };
    await replace(handler, "/api/v1/namespaces/kube-system/configmaps", authentication);
  }
}

async function publishEndpoint(handler: Handler, { address, port }: { address: string; port: number }): Promise<void> {
  const ports = [{ name: "https", port, protocol: "TCP" }];
  const endpoints = {
    ...named("v1", "Endpoints", "kubernetes", { "endpointslice.kubernetes.io/skip-mirror": "true" }),
    subsets: [{ addresses: [{ ip: address }], ports }],
  };
  const slice = {
    ...named("discovery.k8s.io/v1", "EndpointSlice", "kubernetes", { "kubernetes.io/service-name": "kubernetes" }),
    addressType: "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports,
  };
  await replace(handler, "/api/v1/namespaces/default/endpoints", endpoints);
  await replace(handler, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice);
}

interface Named {
  metadata: { name: string };
  [field: string]: unknown;
}

const named = (apiVersion: string, kind: string, name: string, labels?: Record<string, string>) => ({
  apiVersion,
  kind,
  metadata: { name, ...(labels ? { labels } : {}) },
});

const principal = { name: "system:apiserver", groups: ["system:masters"] };

/** Of the errors that the API answers only Conflict and a GET's NotFound come back; others are thrown. */
async function send(handler: Handler, method: string, url: string, object?: unknown): Promise<number> {
  const { signal } = new AbortController();
  const body = object === undefined ? undefined : new TextEncoder().encode(JSON.stringify(object));
  const headers = { "content-type": "application/json", "user-agent": "kube-apiserver" };
  const answer = await handler({ method, url, headers, principal, signal, ...(body ? { body } : {}) });
  const expected = answer.status === 409 || (method === "GET" && answer.status === 404);
  if (answer.status >= 400 && !expected) {
    throw new StatusError(
      "InternalError",
      `bootstrap: ${method} ${url} answered ${answer.status}: ${textOf(answer.body)}`,
    );
  }
  return answer.status;
}

function textOf(body: unknown): string {
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : String(body);
}

async function ensure(handler: Handler, collection: string, object: Named): Promise<void> {
  const status = await send(handler, "GET", `${collection}/${object.metadata.name}`);
  if (status === 404) await send(handler, "POST", collection, object);
}

/** The address of the API server may have changed since the last start. */
async function replace(handler: Handler, collection: string, object: Named): Promise<void> {
  const status = await send(handler, "POST", collection, object);
  if (status === 409) await send(handler, "PUT", `${collection}/${object.metadata.name}`, object);
}
