import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { StatusError } from "@capstan/api/meta";
import type { HttpResponse } from "@capstan/base/http";

const compress = promisify(gzip);
// As the API server of Kubernetes: smaller answers cost more to compress than to send.
const compressAbove = 128 * 1024;

/** Larger bodies would cost more to copy than a second piece costs. */
const joinedUpTo = 16 * 1024;

/** A thrown value as the answer that API clients read. */
export function errorResponse(thrown: unknown): HttpResponse {
  const error = StatusError.from(thrown);
  const headers: Record<string, string> = { "content-type": "application/json" };
  const retry = error.details?.retryAfterSeconds;
  if (retry) headers["retry-after"] = String(retry);
  return { status: error.code, headers, body: JSON.stringify(error.toStatus()) };
}

export interface RespondOptions {
  method: string;
  acceptEncoding: string | undefined;
  signal: AbortSignal;
}

/** Sends an answer; a stream chunk by chunk, no faster than the client reads. Rejects when the stream fails. */
export async function respond(to: ServerResponse, answer: HttpResponse, options: RespondOptions): Promise<void> {
  const { status, headers, body } = answer;
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    return respondWhole(to, answer, body, options);
  }
  to.writeHead(status, headers);
  if (options.method === "HEAD") {
    to.end();
    return;
  }
  // The client learns that the stream began before its first chunk.
  to.flushHeaders();
  const socket = answer.shared && to.chunkedEncoding ? to.socket : null;
  for await (const chunk of body) {
    if (options.signal.aborted || to.destroyed) break;
    // An empty one would end the body.
    if (chunk.byteLength === 0) continue;
    if (socket) {
      if (!socket.write(framed(chunk))) await drained(socket, options.signal);
    } else if (!to.write(chunk)) await drained(to, options.signal);
  }
  to.end();
}

const frames = new WeakMap<Uint8Array, Uint8Array>();

/**
 * A shared chunk as HTTP/1.1 sends it: framed once for all its readers, and one piece where Node would send four.
 */
function framed(chunk: Uint8Array): Uint8Array {
  let frame = frames.get(chunk);
  if (!frame) {
    frame = Buffer.concat([Buffer.from(`${chunk.byteLength.toString(16)}\r\n`), chunk, lineEnd]);
    frames.set(chunk, frame);
  }
  return frame;
}

const lineEnd = Buffer.from("\r\n");

async function respondWhole(
  to: ServerResponse,
  { status, headers }: HttpResponse,
  body: string | Uint8Array = "",
  { method, acceptEncoding = "" }: RespondOptions,
): Promise<void> {
  let bytes = typeof body === "string" ? Buffer.from(body) : body;
  const all: Record<string, string | number> = { ...headers };
  if (bytes.length > compressAbove && /\bgzip\b/.test(acceptEncoding) && headers["content-encoding"] === undefined) {
    bytes = await compress(bytes, { level: constants.Z_BEST_SPEED });
    all["content-encoding"] = "gzip";
    all.vary = "Accept-Encoding";
  }
  if (to.destroyed) return;
  // These statuses have no body, so no length either (RFC 9110).
  if (status !== 204 && status !== 304) all["content-length"] = bytes.length;
  to.writeHead(status, all);
  if (method === "HEAD" || bytes.length === 0) to.end();
  else if (bytes.length > joinedUpTo) to.end(bytes);
  // As text that stands for bytes, Node sends it in one piece with the headers: one record of TLS, not two.
  else to.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"), "latin1");
}

async function drained(to: ServerResponse | Socket, signal: AbortSignal): Promise<void> {
  try {
    await once(to, "drain", { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
