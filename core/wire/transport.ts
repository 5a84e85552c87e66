import type { IncomingMessage, RequestOptions } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import { http } from "./http.ts";
import type { SwitchedResponse } from "./upgrade.ts";

export interface TransportOptions {
  /** `https://host:port`, with a path when the API is below one. */
  server: string;
  /** PEM: whom to trust; the system's authorities when absent. */
  ca?: string;
  /** PEM: the client's certificate and key. */
  cert?: string;
  key?: string;
  /** Bearer token, or where to get it for each request. */
  token?: string | (() => Promise<string>);
  /** Headers of every request that are sent once for each value. */
  repeated?: Readonly<Record<string, string[]>>;
  /** The name that the server's certificate must have, when it is not the server's host. */
  serverName?: string;
  /** Trusts any server: for machines of one's own. */
  insecure?: boolean;
}

/** A remote server as a Handler. */
export interface Transport extends Disposable {
  /** A request with an Upgrade header may be answered by a SwitchedResponse. */
  handler: Handler;
  /** Connections from now on show this certificate (PEM); those that are open end. */
  setTls(pair: { cert: string; key: string }): void;
  close(): void;
}

// Answers of known length up to this come whole; longer or unbounded ones as streams.
const wholeUpTo = 1024 * 1024;

/** Opens connections when first asked; keeps them alive until closed. */
export function createTransport(options: TransportOptions): Transport {
  const base = new URL(options.server);
  if (base.protocol !== "https:" && base.protocol !== "http:") {
    throw new Error(`server: "${options.server}" is not an http or https URL`);
  }
  const { ca, cert, key, serverName: servername, insecure } = options;
  let tls = { ca, cert, key, servername, rejectUnauthorized: !insecure, minVersion: "TLSv1.2" as const };
  const secure = base.protocol === "https:";
  let agent = secure ? new TlsAgent({ ...tls, keepAlive: true }) : new http.Agent({ keepAlive: true });
  const open = secure ? tlsRequest : http.request;
  const prefix = base.pathname.replace(/\/$/, "");
  const prepare = async (request: HttpRequest): Promise<RequestOptions> => {
    const headers: Record<string, string | string[]> = { ...request.headers, ...options.repeated };
    const token = typeof options.token === "function" ? await options.token() : options.token;
    if (token) headers.authorization = `Bearer ${token}`;
    if (request.body) headers["content-length"] = String(request.body.length);
    const { hostname, port } = base;
    // URL keeps the brackets of an IPv6 address, sockets want none.
    const host = hostname.replace(/^\[|\]$/g, "");
    return { host, port, method: request.method, path: prefix + request.url, headers, signal: request.signal };
  };
  const send = async (request: HttpRequest): Promise<HttpResponse> => {
    const prepared = await prepare(request);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = open({ ...prepared, agent }, resolve);
      sent.on("error", (error) => reject(reachError(error, base, sent.reusedSocket)));
      sent.end(request.body);
    });
    return readAnswer(answer, request);
  };
  const change = async (request: HttpRequest): Promise<HttpResponse | SwitchedResponse> => {
    const prepared = await prepare(request);
    return new Promise((resolve, reject) => {
      const sent = open({ ...prepared, ...(secure ? tls : {}), agent: false });
      sent.on("upgrade", (answer, socket, head) => {
        const { rawHeaders } = answer;
        resolve({ status: 101, headers: headersOf(answer), connection: { socket, head, rawHeaders } });
      });
      sent.on("response", (answer) => resolve(readAnswer(answer, request)));
      sent.on("error", (error) => reject(reachError(error, base, false)));
      sent.end(request.body);
    });
  };
  return {
    handler: async (request) => {
      if (request.headers.upgrade) return change(request);
      try {
        return await send(request);
      } catch (error) {
        // The server closed a kept connection as we wrote: reading again on a new one is safe.
        if (error instanceof StaleConnection && (request.method === "GET" || request.method === "HEAD")) {
          return send(request);
        }
        throw error;
      }
    },
    setTls(pair) {
      if (!secure) return;
      const old = agent;
      tls = { ...tls, ...pair };
      agent = new TlsAgent({ ...tls, keepAlive: true });
      old.destroy();
    },
    close: () => agent.destroy(),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** A kept connection that turned out to be closed. */
class StaleConnection extends StatusError {}

function reachError(error: NodeJS.ErrnoException, base: URL, reused: boolean): Error {
  if (error.name === "AbortError") return error;
  const message = `cannot reach ${base.origin}: ${messageOf(error) || error.code}`;
  const stale = reused && (error.code === "ECONNRESET" || error.code === "EPIPE");
  return stale ? new StaleConnection("ServiceUnavailable", message) : new StatusError("ServiceUnavailable", message);
}

function headersOf(answer: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return headers;
}

async function readAnswer(answer: IncomingMessage, request: HttpRequest): Promise<HttpResponse> {
  const headers = headersOf(answer);
  const status = answer.statusCode ?? 502;
  if (request.method === "HEAD" || status === 204 || status === 304) {
    answer.resume();
    return { status, headers };
  }
  const length = headers["content-length"];
  if (length === undefined || Number(length) > wholeUpTo) return { status, headers, body: chunksOf(answer, request) };
  return { status, headers, body: await readWhole(answer) };
}

function readWhole(answer: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    answer.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    answer.on("end", () => resolve(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)));
    answer.on("error", (error) => {
      const aborted = error.name === "AbortError";
      reject(aborted ? error : new StatusError("ServiceUnavailable", `the server broke off: ${messageOf(error)}`));
    });
  });
}

/** Ends quietly when the caller aborted; fails when the server broke off. */
async function* chunksOf(answer: IncomingMessage, { signal }: HttpRequest): AsyncGenerator<Uint8Array> {
  try {
    yield* answer as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!signal.aborted) throw new StatusError("ServiceUnavailable", `the server broke off: ${messageOf(error)}`);
  } finally {
    answer.destroy();
  }
}
