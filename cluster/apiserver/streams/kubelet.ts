import type { Node } from "@capstan/api/generated/core-v1";
import { Nodes } from "@capstan/api/generated/resources";
import { notFound, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import { createTransport, type Transport } from "@capstan/core/wire";
import type { View } from "../request.ts";
import { checkAnswer } from "./answer.ts";
import { forwardable } from "./headers.ts";

/** Reaches the agents of nodes. */
export interface Kubelets {
  /** Sends the request on under another path. Throws NotFound without such a node, ServiceUnavailable when it is silent. */
  forward(node: string, path: string, request: HttpRequest): Promise<HttpResponse>;
}

export interface KubeletsOptions {
  view: View;
  /** PEM: who signed the agents' certificates, and the certificate that they know the API server by; it may be renewed. */
  client: { ca: string; cert: string; key: string };
}

// The first that a node has: an address needs no name service.
const preferred = ["InternalIP", "Hostname", "InternalDNS", "ExternalIP", "ExternalDNS"];
const defaultPort = 10250;

export function createKubelets({ view, client }: KubeletsOptions): Kubelets {
  const transports = new Map<string, { transport: Transport; cert: string }>();
  const transportTo = (server: string): Transport => {
    const known = transports.get(server);
    // Streams on the old one's connections go on to their end.
    if (known?.cert === client.cert) return known.transport;
    const transport = createTransport({ server, ...client });
    transports.set(server, { transport, cert: client.cert });
    return transport;
  };
  return {
    forward: async (name, path, request) => {
      const node = view.get(Nodes, { name });
      if (!node) throw notFound(Nodes, name);
      const { method, body, signal } = request;
      const { handler } = transportTo(`https://${addressOf(node)}`);
      try {
        const headers = forwardable(request.headers);
        return await checkAnswer(await handler({ method, url: path, headers, body, signal }));
      } catch (error) {
        if (!(error instanceof StatusError) || error.reason !== "ServiceUnavailable") throw error;
        throw new StatusError("ServiceUnavailable", `node ${JSON.stringify(name)}: ${messageOf(error)}`);
      }
    },
  };
}

/** `host:port` of a node's agent. */
function addressOf({ metadata, status }: Node): string {
  const addresses = status?.addresses ?? [];
  const type = preferred.find((wanted) => addresses.some((address) => address.type === wanted));
  const host = addresses.find((address) => address.type === type)?.address;
  if (!host) throw new StatusError("ServiceUnavailable", `node ${JSON.stringify(metadata.name)} has no address yet`);
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port || defaultPort;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
