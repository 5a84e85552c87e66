// Paths that the gateway answers itself, by a handler that it was given.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Handler } from "@capstan/base/http";
import { bodyOf } from "./refusal.ts";

export interface OwnPath {
  /** Such as `/api/v1/events/`; without a slash at its end it is the whole path. */
  prefix: string;
  handler: Handler;
}

/** Longest body of a request to an own path, bytes. */
const bodyLimit = 5 * 1024 * 1024;

/** Answers by the handler. @param signal aborts when the caller has gone. */
export async function serveOwn(
  { handler }: OwnPath,
  from: IncomingMessage,
  to: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const body = await readBody(from);
  if (!body) {
    const message = `the body has more than ${bodyLimit} bytes (limit of requests to the platform itself)`;
    to.writeHead(413, { "content-type": "application/json", connection: "close" });
    to.end(bodyOf({ status: 413, reason: "TooLarge", message }));
    return;
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(from.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  const answer = await handler({ method: from.method ?? "GET", url: from.url ?? "/", headers, body, signal });
  to.writeHead(answer.status, answer.headers);
  if (answer.body && typeof answer.body === "object" && Symbol.asyncIterator in answer.body) {
    for await (const chunk of answer.body) to.write(chunk);
    to.end();
  } else to.end(answer.body);
}

async function readBody(from: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
