import { Pods, Services } from "@capstan/api/generated/resources";
import { notFound, StatusError } from "@capstan/api/meta";
import type { HttpResponse } from "@capstan/base/http";
import { createTransport } from "@capstan/core/wire";
import type { Endpoint, EndpointCall, View } from "../request.ts";
import { pickEndpoint } from "../service-endpoint.ts";
import { forwardable, returnable } from "./headers.ts";
import type { Kubelets } from "./kubelet.ts";

/** `/proxy` of nodes, pods and services: an HTTP request, or an upgraded connection, goes on to what is behind the name. */
export function createProxies(view: View, kubelets: Kubelets): Endpoint[] {
  const endpoint = (resource: string, connect: (call: EndpointCall) => Promise<HttpResponse>): Endpoint => ({
    group: "",
    version: "v1",
    resource,
    subresource: "proxy",
    connect,
  });
  return [
    endpoint("nodes", ({ info, request }) => kubelets.forward(parseTarget(info.name).name, pathOf(info), request)),
    endpoint("pods", (call) => forward(podTarget(view, call), call)),
    endpoint("services", (call) => forward(serviceTarget(view, call), call)),
  ];
}

/** `[scheme:]name[:port]`. Source: apimachinery's util/net.SplitSchemeNamePort. */
function parseTarget(text: string): { scheme: string; name: string; port: string } {
  const parts = text.split(":");
  const [first = "", second = "", third = ""] = parts;
  if (parts.length === 1) return { scheme: "http", name: first, port: "" };
  if (parts.length === 2) return { scheme: "http", name: first, port: second };
  if (parts.length > 3 || !["http", "https", ""].includes(first)) {
    throw new StatusError("BadRequest", `${JSON.stringify(text)} is not [http:|https:]name[:port]`);
  }
  return { scheme: first || "http", name: second, port: third };
}

/** What follows `/proxy`, with the query. */
function pathOf({ rest, query }: EndpointCall["info"]): string {
  const path = rest.split("/").map(encodeURIComponent).join("/");
  return `/${path}${query.size > 0 ? `?${query}` : ""}`;
}

const urlOf = (scheme: string, address: string, port: string | number) =>
  `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`;

function podTarget(view: View, { info }: EndpointCall): string {
  const { scheme, name, port } = parseTarget(info.name);
  const pod = view.get(Pods, { namespace: info.namespace, name });
  if (!pod) throw notFound(Pods, name);
  const address = pod.status?.podIP;
  if (!address) throw new StatusError("ServiceUnavailable", `pod ${name} has no address yet`);
  const first = pod.spec.containers.flatMap(({ ports = [] }) => ports).find((p) => !p.protocol || p.protocol === "TCP");
  return urlOf(scheme, address, port || String(first?.containerPort ?? 80));
}

function serviceTarget(view: View, { info }: EndpointCall): string {
  const { scheme, name, port } = parseTarget(info.name);
  const service = view.get(Services, { namespace: info.namespace, name });
  if (!service) throw notFound(Services, name);
  const chosen = pickEndpoint(view, service, port);
  return urlOf(scheme, chosen.address, chosen.port);
}

/** One connection for each request: targets come and go with pods. */
async function forward(server: string, { info, request }: EndpointCall): Promise<HttpResponse> {
  // What runs in a pod has a certificate of its own making, if any.
  const { handler } = createTransport({ server, insecure: true });
  const { method, body, signal } = request;
  const headers: Record<string, string> = { ...forwardable(request.headers), host: new URL(server).host };
  if (!headers.upgrade) headers.connection = "close";
  const answer = await handler({ method, url: pathOf(info), headers, body, signal });
  return answer.status === 101 ? answer : { ...answer, headers: returnable(answer.headers) };
}
