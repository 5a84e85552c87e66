// Requests that change protocol, such as WebSocket: the two sockets are joined once the backend agrees.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { http, joinSockets, writeSwitch } from "@capstan/core/wire";
import { modifyHeaders } from "./filter.ts";
import { type Exchange, onConnected, requestOptions, UpstreamError } from "./proxy.ts";
import type { Refusal } from "./refusal.ts";

export interface TunnelExchange extends Omit<Exchange, "to"> {
  socket: Duplex;
  /** Bytes that came right after the request. */
  head: Uint8Array;
}

/** Resolves when the tunnel is over; to a Refusal when none came about and nothing was written. */
export async function tunnel(exchange: TunnelExchange): Promise<Refusal | undefined> {
  let last = "no ready pod";
  for (const address of exchange.choice.addresses) {
    try {
      await open(exchange, address);
      return undefined;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      last = error.message;
      if (!error.unsent) break;
    }
  }
  const { namespace, ref } = exchange.choice.backend;
  return { status: 503, reason: "BackendUnreachable", message: `the service "${ref.name}" in "${namespace}": ${last}` };
}

function open(exchange: TunnelExchange, address: { host: string; port: number }): Promise<void> {
  const { from, socket, head, hit, choice, signal } = exchange;
  return new Promise((resolve, reject) => {
    const options = requestOptions({ ...exchange, to: undefined as never }, address);
    const headers = [...options.headers, "Connection", "Upgrade", "Upgrade", from.headers.upgrade ?? ""];
    const request = http.request({ ...options, headers, agent: false, signal });
    let connected = false;
    onConnected(request, () => {
      connected = true;
      request.end();
    });
    request.on("error", (error) => reject(new UpstreamError(error.message, { unsent: !connected })));
    request.on("upgrade", (response, upstream, rest) => {
      writeSwitch(
        socket,
        modifyHeaders(response.rawHeaders, [...choice.backend.filters.response, ...hit.rule.filters.response]),
      );
      if (rest.length > 0) socket.write(rest);
      if (head.length > 0) upstream.write(head);
      joinSockets(socket, upstream).then(resolve, reject);
    });
    request.on("response", (response) => {
      passOn(response, socket).then(resolve, reject);
    });
  });
}

/** The backend does not change protocol: its answer goes to the raw socket, and the connection ends. */
async function passOn(response: IncomingMessage, socket: Duplex): Promise<void> {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`, "Connection: close"];
  const { rawHeaders } = response;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    // The body comes decoded, its end is the connection's.
    if (!/^(connection|keep-alive|transfer-encoding)$/i.test(rawHeaders[i] as string))
      lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  }
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  for await (const chunk of response) socket.write(chunk);
  socket.end();
}
