// One WebSocket a browser tab, many API streams in it: watches and followed logs, each with the session's rights.
import type { Duplex } from "node:stream";
import { StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Handler, HttpRequest } from "@capstan/base/http";
import type { WebSocket } from "ws";
import { forwardToApi } from "./api-proxy.ts";
import type { Session } from "./session.ts";

/** Streams that one socket may hold open. */
const maxStreams = 100;
/** Largest message that a browser may send, bytes. */
const maxMessageBytes = 16 * 1024;
/** WebSocket close code for a session that ended. Source: RFC 6455, section 7.4.2: 4000–4999 are private. */
const sessionOver = 4401;

interface Opening {
  open: number;
  url: string;
  accept?: string;
}
/** WebSockets take no headers from pages: the key comes as the second of two offered protocols. */
const protocol = "capstan.streams";

export function streamKey({ headers }: HttpRequest): string | undefined {
  const [name, key] = (headers["sec-websocket-protocol"] ?? "").split(",").map((part) => part.trim());
  return name === protocol ? key : undefined;
}

type Ask = Opening | { close: number };

/** Serves a socket until it closes or the session ends. */
export async function serveStreams(
  api: Handler,
  session: Session,
  request: HttpRequest,
  socket: Duplex,
  head: Uint8Array,
): Promise<void> {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, handleProtocols: () => protocol });
  const web = await new Promise<WebSocket>((resolve) => {
    // ws reads the method, the URL and the headers, which are all that a request has here too.
    server.handleUpgrade(request as never, socket, Buffer.from(head), resolve);
  });
  const streams = new Map<number, AbortController>();
  const over = setTimeout(() => web.close(sessionOver, "the session is over"), session.expires - Date.now());
  web.on("message", (data) => {
    const ask = parse(String(data));
    if (!ask) return web.close(1008, "not a message of this console");
    if ("close" in ask) return streams.get(ask.close)?.abort();
    if (streams.size >= maxStreams) return web.close(1008, `more than ${maxStreams} streams (maxStreams)`);
    const stop = new AbortController();
    streams.set(ask.open, stop);
    void relay(api, session, ask, stop.signal, web).finally(() => streams.delete(ask.open));
  });
  await new Promise<void>((resolve) => {
    web.on("error", () => web.terminate());
    web.on("close", () => resolve());
  });
  clearTimeout(over);
  for (const stream of streams.values()) stream.abort();
}

function parse(text: string): Ask | undefined {
  try {
    const { open, close, url, accept } = JSON.parse(text) as Record<string, unknown>;
    if (Number.isInteger(close)) return { close: close as number };
    if (!Number.isInteger(open) || typeof url !== "string" || !url.startsWith("/api")) return undefined;
    return { open: open as number, url, ...(typeof accept === "string" ? { accept } : {}) };
  } catch {
    // Not JSON: no message of the console's app.
    return undefined;
  }
}

/** Sends one answer of the API, chunk by chunk, no faster than the browser takes it. Never rejects. */
async function relay(api: Handler, session: Session, ask: Opening, signal: AbortSignal, web: WebSocket) {
  const id = ask.open;
  const send = (message: object) =>
    new Promise<void>((resolve) => {
      web.send(JSON.stringify({ id, ...message }), () => resolve());
    });
  try {
    const headers: Record<string, string> = ask.accept ? { accept: ask.accept } : {};
    const answer = await forwardToApi(api, session, ask.url, { method: "GET", url: ask.url, headers, signal });
    await send({ status: answer.status, headers: answer.headers });
    const { body } = answer;
    const decoder = new TextDecoder();
    if (typeof body === "string") await send({ data: body });
    else if (body instanceof Uint8Array) await send({ data: decoder.decode(body) });
    else if (body) {
      for await (const chunk of body) {
        if (signal.aborted) return;
        const data = decoder.decode(chunk, { stream: true });
        if (data !== "") await send({ data });
      }
    }
    await send({ end: true });
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof StatusError) {
      await send({ status: error.code, headers: { "content-type": "application/json" } });
      await send({ data: JSON.stringify(error.toStatus()) });
      await send({ end: true });
    } else await send({ end: true, error: messageOf(error) });
  }
}
