// Watches and followed logs over one WebSocket: a browser opens only six plain connections to a host, over all its tabs.
import { StatusError } from "@capstan/api/meta";
import { createQueue, type Deferred, deferred, type Queue } from "@capstan/base/async";
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import { sessionKey, sessionLost } from "./handler.ts";

/** What the server sends about the stream `id`. */
type Message =
  | { id: number; status: number; headers: Record<string, string> }
  | { id: number; data: string }
  | { id: number; end: true; error?: string };

interface Stream {
  answer: Deferred<HttpResponse>;
  body: Queue<Uint8Array>;
}

interface Line {
  open(request: HttpRequest): Promise<HttpResponse>;
}

/** Chunks held for a reader that is behind before its stream is ended. */
const maxBehind = 20_000;
const encoder = new TextEncoder();
const follows = /[?&](watch|follow)=(true|1)(&|$)/;

/** Sends what never ends over the socket, everything else to `plain`. */
export function streaming(plain: Handler): Handler {
  let line: Promise<Line> | undefined;
  const forget = () => {
    line = undefined;
  };
  return async (request) => {
    if (request.method !== "GET" || !follows.test(request.url)) return plain(request);
    line ??= connect(forget);
    return (await line).open(request);
  };
}

function connect(onClose: () => void): Promise<Line> {
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/streams`, ["capstan.streams", sessionKey()]);
  const streams = new Map<number, Stream>();
  const ready = deferred<Line>();
  let last = 0;

  const line: Line = {
    open(request) {
      const id = ++last;
      const stream = { answer: deferred<HttpResponse>(), body: createQueue<Uint8Array>(maxBehind) };
      if (request.signal.aborted) return Promise.reject(request.signal.reason);
      streams.set(id, stream);
      socket.send(JSON.stringify({ open: id, url: request.url, accept: request.headers.accept }));
      request.signal.addEventListener("abort", () => {
        if (!streams.delete(id)) return;
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ close: id }));
        stream.answer.reject(request.signal.reason);
        stream.body.end();
      });
      return stream.answer.promise;
    },
  };

  socket.addEventListener("open", () => ready.resolve(line));
  socket.addEventListener("message", (event) => receive(streams, JSON.parse(event.data as string) as Message));
  socket.addEventListener("close", (event) => {
    onClose();
    if (event.code === 4401) sessionLost();
    const error = new StatusError("ServiceUnavailable", "the connection to Capstan broke");
    ready.reject(error);
    for (const { answer, body } of streams.values()) {
      answer.reject(error);
      body.end(error);
    }
    streams.clear();
  });
  return ready.promise;
}

function receive(streams: Map<number, Stream>, message: Message): void {
  const stream = streams.get(message.id);
  if (!stream) return;
  if ("status" in message) {
    stream.answer.resolve({ status: message.status, headers: message.headers, body: stream.body });
  } else if ("data" in message) {
    stream.body.push(encoder.encode(message.data));
  } else {
    streams.delete(message.id);
    const error = message.error === undefined ? undefined : new StatusError("ServiceUnavailable", message.error);
    if (error) stream.answer.reject(error);
    stream.body.end(error);
  }
}
