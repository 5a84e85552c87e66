// A bounded HTTP request that follows redirects as Go's client does.
import { type ClientRequest, type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";

export interface Asked {
  url: string;
  method: string;
  headers: [string, string][];
  body: Uint8Array;
  /** Takes any certificate. */
  insecure: boolean;
  signal: AbortSignal;
}
export interface Answer {
  status: number;
  /** Names as Go writes them; each with all its values. */
  headers: Record<string, string[]>;
  body: string;
}

/** Longest body of an answer, bytes: it becomes an output, which an object of the cluster has to hold. */
const bodyLimit = 1024 * 1024;
/** Source: Go's net/http, Client.CheckRedirect. */
const redirectLimit = 10;

/** @throws Error when there is no answer, or one that is too long. */
export async function request(asked: Asked): Promise<Answer> {
  let current = asked;
  for (let hops = 0; ; hops++) {
    const response = await send(current);
    const next = redirected(current, response);
    if (!next) return read(response);
    response.destroy();
    if (hops >= redirectLimit) throw new Error(`more than ${redirectLimit} redirects`);
    current = next;
  }
}

function send({ url, method, headers, body, insecure, signal }: Asked): Promise<IncomingMessage> {
  if (!/^https?:\/\//i.test(url)) throw new Error(`${JSON.stringify(url)} is no http or https address`);
  const secure = /^https:/i.test(url);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options = { method, signal };
  const out: ClientRequest = secure
    ? tlsRequest(url, { ...options, rejectUnauthorized: !insecure })
    : plainRequest(url, options);
  for (const name of new Set(headers.map(([name]) => name.toLowerCase()))) {
    const values = headers.flatMap(([other, value]) => (other.toLowerCase() === name ? [value] : []));
    out.setHeader(name, name === "host" ? (values.at(-1) ?? "") : values);
  }
  if (body.length > 0 || !["GET", "HEAD"].includes(method)) out.setHeader("content-length", body.length);
  out.on("response", resolve).on("error", reject);
  out.end(body);
  return promise;
}

/** Where a redirect leads; undefined for any other answer. Source: Go's net/http, redirectBehavior. */
function redirected(asked: Asked, { statusCode = 0, headers }: IncomingMessage): Asked | undefined {
  const { location } = headers;
  if (!location || ![301, 302, 303, 307, 308].includes(statusCode)) return undefined;
  const url = new URL(location, asked.url);
  const own = url.host === new URL(asked.url).host;
  // What proves who asks is not told to others.
  const kept = asked.headers.filter(
    ([name]) => own || !["authorization", "cookie", "www-authenticate"].includes(name.toLowerCase()),
  );
  const next = { ...asked, url: url.href, headers: kept.filter(([name]) => name.toLowerCase() !== "host") };
  if (statusCode >= 307) return next;
  return { ...next, method: asked.method === "HEAD" ? "HEAD" : "GET", body: new Uint8Array() };
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) {
      response.destroy();
      throw new Error(`the answer has more than ${bodyLimit} bytes (limit of http results)`);
    }
    chunks.push(chunk);
  }
  const headers = Object.fromEntries(
    Object.entries(response.headersDistinct).map(([name, values]) => [canonical(name), values ?? []]),
  );
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks).toString() };
}

/** As Go writes the names of headers: expressions name them so. */
export const canonical = (name: string): string =>
  name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
