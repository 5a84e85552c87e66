import { once } from "node:events";
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { StatusError } from "@capstan/api/meta";
import { aborted } from "@capstan/base/async";
import type { Handler, HttpResponse } from "@capstan/base/http";
import { type Logger, silent } from "@capstan/base/log";
import { http } from "./http.ts";
import { headOf, readBody } from "./receive.ts";
import { errorResponse, respond } from "./respond.ts";
import { change, type Upgrade } from "./upgrade.ts";

export interface ServeOptions {
  handler: Handler;
  /** Serves requests to change protocol; without it the handler does, whose answer may be a SwitchedResponse. */
  upgrade?: Upgrade;
  /** 0 takes a free one. */
  port: number;
  /** Address to listen on; default 127.0.0.1. */
  host?: string;
  /** PEM. With `clientCa` clients are asked for a certificate, which they need not have. */
  tls?: { cert: string; key: string; clientCa?: string };
  /** Largest request body; default 3 MiB, as Kubernetes. */
  maxBodyBytes?: number;
  /** Answers what was thrown by the handler or refused before it; default: a Status of the Kubernetes API. */
  onError?: (thrown: unknown) => HttpResponse;
  log?: Logger;
}

export interface Serving extends AsyncDisposable {
  readonly port: number;
  readonly host: string;
  /** `https://127.0.0.1:6443` */
  readonly url: string;
  /** Takes a renewed certificate for new connections. */
  setTls(tls: NonNullable<ServeOptions["tls"]>): void;
  /** Aborts the requests in hand and closes every connection. */
  close(): Promise<void>;
}

const settings: ServerOptions = {
  // Go's clients keep idle connections for 90 s: closing earlier would reset requests that they are sending.
  keepAliveTimeout: 120_000,
  // `kubectl exec` puts its whole command into the URL.
  maxHeaderSize: 256 * 1024,
  // A changed protocol is WebSocket or SPDY; h2c offers of other clients are ignored, as RFC 9110 allows.
  shouldUpgradeCallback: ({ headers }) => /^(websocket|spdy\/3\.1)$/i.test(headers.upgrade ?? ""),
};
// How long close waits for streams to end by themselves after their abort, before it cuts them.
const closeGrace = 500;

/** Puts a handler behind a socket. Resolves when it listens; rejects with what to do when it cannot. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { handler, upgrade, port, host = "127.0.0.1", tls, log = silent, onError = errorResponse } = options;
  const server = tls ? createTlsServer({ ...settings, ...secure(tls) }) : http.createServer(settings);
  const active = new Set<AbortController>();
  const upgraded = new Set<Socket>();
  const maxBodyBytes = options.maxBodyBytes ?? 3 * 1024 * 1024;
  server.on("request", (request, response) =>
    answer({ handler, maxBodyBytes, onError, log, active }, request, response),
  );
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Uint8Array) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    change({ handler, upgrade, log }, request, socket, head);
  });
  await listen(server, port, host);
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  const close = () => closeServer(server, active, upgraded);
  return {
    port: address.port,
    host,
    url: `${tls ? "https" : "http"}://${name}:${address.port}`,
    setTls: (fresh) => (server as TlsServer).setSecureContext?.(secure(fresh)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function secure({ cert, key, clientCa }: NonNullable<ServeOptions["tls"]>) {
  const base = { cert, key, minVersion: "TLSv1.2" as const, ALPNProtocols: ["http/1.1"] };
  // A wrong certificate is no certificate: whether one is needed is for the handler to say.
  return clientCa ? { ...base, ca: clientCa, requestCert: true, rejectUnauthorized: false } : base;
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE") {
      throw new Error(
        `port ${port} on ${host} is in use: stop the program that has it, or choose another (0: any free)`,
      );
    }
    if (code === "EACCES") throw new Error(`port ${port} on ${host} needs more privileges: choose one above 1023`);
    if (code === "EADDRNOTAVAIL") throw new Error(`this machine has no address ${host} to listen on`);
    throw error;
  }
}

interface Context {
  handler: Handler;
  maxBodyBytes: number;
  onError: (thrown: unknown) => HttpResponse;
  log: Logger;
  active: Set<AbortController>;
}

async function answer(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { handler, maxBodyBytes, onError, log, active } = context;
  const gone = new AbortController();
  active.add(gone);
  response.once("close", () => {
    active.delete(gone);
    if (!response.writableFinished) gone.abort();
  });
  const { signal } = gone;
  const method = request.method ?? "GET";
  const options = { method, acceptEncoding: request.headers["accept-encoding"] as string | undefined, signal };
  try {
    const body = await readBody(request, maxBodyBytes);
    const head = headOf(request, signal);
    await respond(response, await handler(body ? { ...head, body } : head), options);
  } catch (error) {
    if (response.destroyed || response.headersSent) {
      if (!signal.aborted) log.warn("an answer broke off", { method, path: pathOf(request), error });
      // A cut connection tells the client that the stream is not whole.
      response.destroy();
      return;
    }
    if (!(error instanceof StatusError)) log.error("a request failed", { method, path: pathOf(request), error });
    // What is left of the body is not read: the connection cannot be used again.
    if (!request.complete) response.setHeader("connection", "close");
    await respond(response, onError(error), options);
  }
}

/** Without the query: it may hold tokens. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?")[0] ?? "/";
}

async function closeServer(server: Server, active: Set<AbortController>, upgraded: Set<Socket>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  for (const request of active) request.abort();
  for (const socket of upgraded) socket.destroy();
  server.closeIdleConnections();
  const late = AbortSignal.timeout(closeGrace);
  await Promise.race([closed, aborted(late)]);
  server.closeAllConnections();
  await closed;
}
