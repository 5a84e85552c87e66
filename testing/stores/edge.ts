// A server of HTTP in memory that can be told to fail.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";

/** Answers in the place of the store; undefined lets it answer. */
export type Fault = (
  request: IncomingMessage,
  count: number,
) => { status: number; body?: string; cut?: boolean } | undefined;

export interface Edge extends AsyncDisposable {
  /** `host:port`. */
  host: string;
  url: string;
  /** Method and path of every request so far. */
  seen: string[];
  headers: IncomingMessage["headers"][];
  fault?: Fault | undefined;
}

type Answer = (request: IncomingMessage, body: Buffer, response: ServerResponse, url: URL) => void;

/** @param tls certificate and key; clients may show certificates of the same authority. */
export async function serveEdge(answer: Answer, tls?: ServerOptions): Promise<Edge> {
  const seen: string[] = [];
  const headers: Edge["headers"] = [];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    seen.push(`${request.method} ${decodeURIComponent(url.pathname)}`);
    headers.push(request.headers);
    const fault = edge.fault?.(request, seen.length);
    if (fault?.cut) {
      response.writeHead(fault.status, { "content-length": "1000" });
      response.write("half", () => request.socket.destroy());
      return;
    }
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The client hung up: there is nobody to answer.
      return;
    }
    if (fault) response.writeHead(fault.status).end(fault.body ?? "");
    else answer(request, Buffer.concat(chunks), response, url);
  };
  const server = tls ? createSecureServer(tls, listener) : createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const edge: Edge = {
    host,
    url: `${tls ? "https" : "http"}://${host}`,
    seen,
    headers,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return edge;
}
