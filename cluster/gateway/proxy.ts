// Carries one request to a backend and its answer back, both as streams.
import type { Agent, ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { http } from "@capstan/core/wire";
import { isOpen } from "./access.ts";
import type { Address, Choice } from "./backend.ts";
import { modifyPath } from "./filter.ts";
import { requestHeaders, responseHeaders } from "./forwarded.ts";
import type { Refusal } from "./refusal.ts";
import type { Hit } from "./route-table.ts";

export interface Exchange {
  from: IncomingMessage;
  to: ServerResponse;
  hit: Hit;
  choice: Choice;
  /** Path and query as they came. */
  path: string;
  search: string;
  /** Aborts when the caller has gone, or at the rule's time limit. */
  signal: AbortSignal;
}

/** A backend's answer could not be had. */
export class UpstreamError extends Error {
  /** No connection came about: nothing was sent, so that another endpoint can be tried. */
  readonly unsent: boolean;
  readonly late: boolean;
  constructor(message: string, { unsent = false, late = false } = {}) {
    super(message);
    this.name = "UpstreamError";
    this.unsent = unsent;
    this.late = late;
  }
}

/** Resolves when the answer has been passed on; to a Refusal when there is none. Rejects when it broke off midway. */
export async function forward(exchange: Exchange, agent: Agent): Promise<Refusal | undefined> {
  const { hit, choice, signal } = exchange;
  let last: UpstreamError | undefined;
  for (const address of choice.addresses) {
    try {
      const response = await ask(exchange, address, agent);
      await answer(exchange, response);
      return undefined;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      last = error;
      if (!error.unsent || signal.aborted) break;
    }
  }
  const { namespace, ref } = choice.backend;
  const service = `the service "${ref.name}" in "${namespace}"`;
  if (!last)
    return {
      status: 503,
      reason: "NoEndpoints",
      message: `${service} has no ready pod: see kubectl get pods -n ${namespace}`,
    };
  if (last.late || (signal.aborted && hit.rule.timeouts.request > 0)) {
    return { status: 504, reason: "Timeout", message: `${service} did not answer in time (the route's timeouts)` };
  }
  return { status: last.unsent ? 503 : 502, reason: "BackendUnreachable", message: `${service}: ${last.message}` };
}

/** Sends the request to one endpoint; the body starts to flow once there is a connection. */
function ask(exchange: Exchange, address: Address, agent: Agent): Promise<IncomingMessage> {
  const { from, hit, signal } = exchange;
  const limit = hit.rule.timeouts.backendRequest;
  return new Promise((resolve, reject) => {
    const request = http.request({ ...requestOptions(exchange, address), agent });
    let connected = false;
    const timer = limit > 0 ? setTimeout(() => fail(new UpstreamError("too late", { late: true })), limit) : undefined;
    const fail = (error: Error) => {
      finish();
      request.destroy();
      reject(error instanceof UpstreamError ? error : new UpstreamError(error.message, { unsent: !connected }));
    };
    const abort = () => fail(new UpstreamError("the request was given up"));
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort, { once: true });
    request.on("error", fail);
    request.on("response", (response) => {
      finish();
      resolve(response);
    });
    onConnected(request, () => {
      connected = true;
      from.pipe(request);
    });
  });
}

export function requestOptions(exchange: Exchange, address: Address) {
  const { from, hit, choice, path, search } = exchange;
  const rewrite = hit.rule.filters.rewrite ?? choice.backend.filters.rewrite;
  return {
    ...address,
    method: from.method,
    path: modifyPath(path, search, rewrite?.path, hit.match.prefix),
    headers: requestHeaders(from, hit, choice.backend, !isOpen(hit.rule.route)),
    setHost: false,
  };
}

export function onConnected(request: ClientRequest, connected: () => void): void {
  request.on("socket", (socket) => {
    if (socket.connecting) socket.once("connect", connected);
    else connected();
  });
}

async function answer({ to, hit, choice, signal }: Exchange, response: IncomingMessage): Promise<void> {
  const headers = responseHeaders(response, hit, choice.backend);
  to.writeHead(response.statusCode ?? 502, response.statusMessage, headers);
  await pipeline(response, to, { signal });
}
