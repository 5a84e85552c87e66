// The socket of the gateway: finds the rule of each request, lets the caller in or not, and has it carried.
import { once } from "node:events";
import type { Agent, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import { http, writeRaw } from "@capstan/core/wire";
import type { Access } from "./access.ts";
import type { Balancer, Choice } from "./backend.ts";
import { locationOf, modifyHeaders } from "./filter.ts";
import { hostOf } from "./hostname.ts";
import { type OwnPath, serveOwn } from "./own-path.ts";
import { forward } from "./proxy.ts";
import { bodyOf, type Refusal } from "./refusal.ts";
import type { Hit, RouteTable } from "./route-table.ts";
import { tunnel } from "./tunnel.ts";

export interface DataPlaneOptions {
  listen: { host: string; port: number };
  /** The table as of now. */
  table(): RouteTable;
  balancer: Balancer;
  access: Access;
  own?: OwnPath[];
  log: Logger;
}

export interface DataPlane extends AsyncDisposable {
  readonly port: number;
}

const settings = {
  // As load balancers in front expect: longer than their own idle time (60 s in most).
  keepAliveTimeout: 75_000,
  maxHeaderSize: 64 * 1024,
  // Bodies may be large and slow; a route's timeouts bound a request.
  requestTimeout: 0,
};

/** Listens. Rejects with what to do when the port cannot be had. */
export async function openDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { listen, log } = options;
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 64, scheduling: "lifo" });
  const server = http.createServer(settings);
  const sockets = new Set<Duplex>();
  server.on("request", (request, response) => {
    serve({ ...options, agent, port: (server.address() as AddressInfo).port }, request, response).catch((error) => {
      log.warn("an answer broke off", { path: splitUrl(request).path, error });
      response.destroy();
    });
  });
  server.on("upgrade", (request, socket, head) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    serveUpgrade(options, request, socket, head).catch((error) => {
      log.warn("a tunnel broke off", { path: splitUrl(request).path, error });
      socket.destroy();
    });
  });
  server.listen(listen.port, listen.host);
  await once(server, "listening").catch((error) => {
    throw new Error(problemOf(error, listen), { cause: error });
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await closed;
    },
  };
}

function problemOf(error: unknown, { host, port }: { host: string; port: number }): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    return `port ${port} on ${host} is in use: stop the program that has it, or choose another with --gateway-port (0: any free)`;
  }
  if (code === "EACCES") return `port ${port} on ${host} needs more privileges: choose one above 1023`;
  return `cannot listen on ${host}:${port}: ${messageOf(error)}`;
}

function splitUrl({ url = "/" }: IncomingMessage): { path: string; search: string } {
  const mark = url.indexOf("?");
  return mark < 0 ? { path: url, search: "" } : { path: url.slice(0, mark), search: url.slice(mark) };
}

interface Granted {
  hit: Hit;
  choice: Choice;
}

const factsOf = (request: IncomingMessage) => {
  const { path, search } = splitUrl(request);
  return { method: request.method ?? "GET", path, query: new URLSearchParams(search), headers: request.headers };
};

/** The gateway's own answer to a path; a route may have the same path under a host name that it claims. */
function ownPathOf({ own, table }: DataPlaneOptions, request: IncomingMessage): OwnPath | undefined {
  const { path } = splitUrl(request);
  const found = own?.find(({ prefix }) => (prefix.endsWith("/") ? path.startsWith(prefix) : path === prefix));
  if (!found) return undefined;
  const hit = table().find(request.headers.host, factsOf(request));
  return hit?.rule.route.spec.hostnames?.length ? undefined : found;
}

/** The rule of a request and a backend of it, or why there is none. A redirect has a hit only. */
async function admit(
  { table, balancer, access }: Pick<DataPlaneOptions, "table" | "balancer" | "access">,
  request: IncomingMessage,
): Promise<Granted | Hit | Refusal> {
  const facts = factsOf(request);
  const { path } = facts;
  const { host, authorization } = request.headers;
  // Backends resolve dot segments, and a rule for another path would have been taken here.
  if (!path.startsWith("/") || /\/\.\.?(\/|$)/.test(path)) {
    return { status: 400, reason: "BadPath", message: "the request's target must be a path without . and .. segments" };
  }
  const hit = table().find(host, facts);
  if (!hit) {
    const message = `no route for ${facts.method} ${path} at the host "${hostOf(host)}": see kubectl get httproutes -A`;
    return { status: 404, reason: "NoRoute", message };
  }
  const refusal = await access.check(hit.rule.route, authorization);
  if (refusal) return refusal;
  if (hit.rule.filters.redirect) return hit;
  const choice = balancer.choose(hit.rule);
  const { namespace, name } = hit.rule.route.metadata;
  if (choice && !choice.problem) return { hit, choice };
  // Source: Gateway API, HTTPRouteRule.backendRefs: requests to an invalid backend, or to none, are answered 500.
  const why = choice?.problem ?? "no backend has a weight";
  return { status: 500, reason: "BackendInvalid", message: `HTTPRoute ${namespace}/${name}: ${why}` };
}

/** The cluster could not be asked who the caller is. */
function unavailable(log: Logger, error: unknown): Refusal {
  log.error("a request could not be admitted", { error });
  return {
    status: 503,
    reason: "ClusterUnavailable",
    message: "the cluster cannot be asked about this request now: try again",
  };
}

type ServeOptions = DataPlaneOptions & { agent: Agent; port: number };

async function serve(options: ServeOptions, from: IncomingMessage, to: ServerResponse): Promise<void> {
  const gone = new AbortController();
  to.once("close", () => gone.abort());
  const own = ownPathOf(options, from);
  if (own) return serveOwn(own, from, to, gone.signal);
  const admitted = await admit(options, from).catch((error) => unavailable(options.log, error));
  if ("reason" in admitted) return refuse(to, admitted);
  const { path, search } = splitUrl(from);
  if (!("hit" in admitted)) return redirect(to, from, admitted, options.port);
  const { timeouts } = admitted.hit.rule;
  const limit = timeouts.request > 0 ? [AbortSignal.timeout(timeouts.request)] : [];
  const signal = limit.length > 0 ? AbortSignal.any([gone.signal, ...limit]) : gone.signal;
  try {
    const refusal = await forward({ ...admitted, from, to, path, search, signal }, options.agent);
    if (refusal && !gone.signal.aborted) refuse(to, refusal);
  } catch (error) {
    // The caller has gone: there is nobody to tell.
    if (!gone.signal.aborted) throw error;
  }
}

function refuse(to: ServerResponse, refusal: Refusal): void {
  to.writeHead(refusal.status, { "content-type": "application/json", ...refusal.headers });
  to.end(bodyOf(refusal));
}

function redirect(to: ServerResponse, from: IncomingMessage, hit: Hit, port: number): void {
  const { redirect: rule, response } = hit.rule.filters;
  if (!rule) return;
  const host = hostOf(from.headers.host);
  const location = locationOf(rule, { ...splitUrl(from), scheme: "http", host, port, prefix: hit.match.prefix });
  to.writeHead(rule.statusCode ?? 302, modifyHeaders(["location", location, "content-length", "0"], response));
  to.end();
}

async function serveUpgrade(
  options: DataPlaneOptions,
  from: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
): Promise<void> {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  const admitted = await admit(options, from).catch((error) => unavailable(options.log, error));
  const exchange = { from, socket, head, ...splitUrl(from), signal: gone.signal };
  const refusal = "hit" in admitted ? await tunnel({ ...admitted, ...exchange }) : admitted;
  if (!refusal || !socket.writable) return;
  const answer =
    "reason" in refusal
      ? refusal
      : { status: 501, reason: "NoUpgrade", message: "a redirected path cannot change protocol" };
  const headers = { "content-type": "application/json", ...answer.headers };
  writeRaw(socket, { status: answer.status, headers, body: bodyOf(answer) });
}
