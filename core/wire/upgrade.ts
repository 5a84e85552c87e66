import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { StatusError } from "@capstan/api/meta";
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import { http } from "./http.ts";
import { headOf } from "./receive.ts";
import { errorResponse, respond } from "./respond.ts";

/**
 * Takes over a connection that changes protocol: answers on the raw socket and resolves when it is done with it.
 * When it throws before writing, the client gets the error as an ordinary answer.
 * @param head bytes that came right after the request.
 */
export type Upgrade = (request: HttpRequest, socket: Duplex, head: Uint8Array) => Promise<void>;

/** The answer 101 of a handler, with the connection behind it that speaks the new protocol. */
export interface SwitchedResponse extends HttpResponse {
  connection: {
    socket: Duplex;
    /** Bytes that came right after the answer. */
    head: Uint8Array;
    /** Of the answer: names and values by turns, as Node gives them. */
    rawHeaders: string[];
  };
}

export function isSwitched(answer: HttpResponse): answer is SwitchedResponse {
  return answer.status === 101 && "connection" in answer;
}

export interface ChangeOptions {
  handler: Handler;
  upgrade?: Upgrade;
  log: Logger;
}

/** Serves a request that asks to change protocol: by `upgrade`, or by the handler, whose answer may be a SwitchedResponse. */
export async function change(
  { handler, upgrade, log }: ChangeOptions,
  incoming: IncomingMessage,
  socket: Socket,
  head: Uint8Array,
): Promise<void> {
  const gone = new AbortController();
  const before = socket.bytesWritten;
  socket.once("close", () => gone.abort());
  // A broken connection closes: "close" follows and says all there is to say.
  socket.on("error", () => socket.destroy());
  const request = headOf(incoming, gone.signal);
  try {
    if (upgrade) return await upgrade(request, socket, head);
    const answer = await handler(request);
    if (isSwitched(answer)) return await forward(socket, head, answer);
    await answerPlainly(incoming, socket, answer, gone.signal);
  } catch (error) {
    if (!(error instanceof StatusError)) log.warn("a stream failed", { path: request.url.split("?")[0], error });
    if (socket.bytesWritten === before && socket.writable) {
      await answerPlainly(incoming, socket, errorResponse(error), gone.signal);
    } else socket.destroy();
  }
}

async function forward(socket: Duplex, head: Uint8Array, { connection }: SwitchedResponse): Promise<void> {
  writeSwitch(socket, connection.rawHeaders);
  if (connection.head.length > 0) socket.write(connection.head);
  if (head.length > 0) connection.socket.write(head);
  await joinSockets(socket, connection.socket);
}

/** An ordinary answer on a socket that Node no longer serves. */
async function answerPlainly(
  incoming: IncomingMessage,
  socket: Socket,
  answer: HttpResponse,
  signal: AbortSignal,
): Promise<void> {
  const response = new http.ServerResponse(incoming);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.end());
  await respond(response, answer, { method: incoming.method ?? "GET", acceptEncoding: undefined, signal });
}

/** Writes the answer that changes the protocol. @param rawHeaders names and values by turns. */
export function writeSwitch(socket: Duplex, rawHeaders: string[]): void {
  const lines: string[] = ["HTTP/1.1 101 Switching Protocols"];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Copies both ways, byte by byte. Resolves when both sockets are closed: when one closes, the other gets the rest first. */
export async function joinSockets(one: Duplex, other: Duplex): Promise<void> {
  await Promise.all([copy(one, other), copy(other, one)]);
}

function copy(from: Duplex, to: Duplex): Promise<void> {
  from.pipe(to);
  return new Promise((resolve) => {
    const over = () => {
      if (to.writableFinished) to.destroy();
      else to.end(() => to.destroy());
      resolve();
    };
    if (from.closed) over();
    else from.once("close", over);
    from.on("error", () => from.destroy());
  });
}

/** For an Upgrade that refuses: writes an ordinary answer on the raw socket and ends it. The body is whole or absent. */
export function writeRaw(socket: Duplex, { status, headers, body = "" }: HttpResponse): void {
  if (typeof body !== "string" && !(body instanceof Uint8Array)) throw new TypeError("a refusal is no stream");
  const bytes = Buffer.from(body);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const reason = http.STATUS_CODES[status] ?? "Unknown";
  const head = [`HTTP/1.1 ${status} ${reason}`, ...lines, `content-length: ${bytes.length}`, "connection: close"];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.end(bytes);
}
