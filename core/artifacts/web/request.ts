// Requests over HTTP: redirects are followed, silence is bounded, failures say who answered what.
import type { IncomingMessage } from "node:http";
import { request as httpRequest } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Guard } from "../guard.ts";
import { isPassing, isPassingStatus } from "../retry.ts";
import { StoreError } from "../store.ts";

export interface WebRequest {
  /** The word that manifests use for the store. */
  store: string;
  signal: AbortSignal;
  method?: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  headers?: Record<string, string>;
  /** A function is asked again after a redirect. */
  body?: string | (() => AsyncIterable<Uint8Array>);
  tls?: Pick<RequestOptions, "cert" | "key" | "ca" | "rejectUnauthorized">;
  /** Hosts that are not to be asked; redirects to them neither. */
  guard?: Guard | undefined;
  /** Answers with these statuses are no errors, nor are those of success. */
  expect?: number[];
  /** Redirects are answers too. */
  manual?: boolean;
}

const redirectLimit = 10;
/** Silence after which a server counts as gone, milliseconds. */
const silenceTimeout = 120_000;
/** What is kept of an answer that is no success, bytes. */
const wordLimit = 2048;
/** Largest answer that is read as JSON, bytes. */
const jsonLimit = 16 * 2 ** 20;

/** @throws StoreError with the server's answer when it is neither a success nor expected. */
export async function request(url: string, options: WebRequest): Promise<IncomingMessage> {
  const { store, expect = [] } = options;
  let at = url;
  let headers = options.headers ?? {};
  for (let hop = 0; hop <= redirectLimit; hop++) {
    const answer = await send(at, { ...options, headers });
    const status = answer.statusCode ?? 0;
    const { location } = answer.headers;
    if (status >= 300 && status < 400 && location && !options.manual) {
      answer.resume();
      const next = new URL(location, at);
      // Another host gets no credentials.
      if (next.hostname !== new URL(at).hostname) headers = without(headers, ["authorization", "cookie"]);
      at = next.href;
      continue;
    }
    if ((status >= 200 && status < 300) || expect.includes(status) || (options.manual && status < 400)) return answer;
    const words = (await textOf(answer, wordLimit)).trim();
    throw new StoreError(
      `${store} ${bare(at)} answers ${status} ${answer.statusMessage ?? ""}${words ? `: ${words}` : ""}`,
      {
        passing: isPassingStatus(status),
        missing: status === 404 || status === 410,
      },
    );
  }
  throw new StoreError(`${store} ${bare(url)} leads to more than ${redirectLimit} redirects (limit redirects)`);
}

const without = (headers: Record<string, string>, names: string[]) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name.toLowerCase())));

/** An address as it may be told: without name, password and query, which may hold secrets. */
export function bare(url: string): string {
  if (!URL.canParse(url)) return JSON.stringify(url.slice(0, 200));
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function send(
  url: string,
  { method = "GET", headers = {}, body, tls, signal, store, guard }: WebRequest,
): Promise<IncomingMessage> {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new StoreError(`${store}: ${bare(url)} is no http or https address`);
  const { username, password, hostname } = new URL(url);
  guard?.check(hostname);
  const basic =
    username && !headers.authorization ? basicAuth(decodeURIComponent(username), decodeURIComponent(password)) : {};
  const open = url.startsWith("https:") ? httpsRequest : httpRequest;
  const fail = (error: unknown) =>
    signal.aborted
      ? error
      : new StoreError(`${store} ${bare(url)}: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`, {
          passing: isPassing(error),
          cause: error,
        });
  return new Promise((resolve, reject) => {
    const outgoing = open(url, {
      method,
      headers: { ...basic, ...headers },
      signal,
      agent: false,
      ...tls,
      ...(guard ? { lookup: guard.lookup } : {}),
    });
    outgoing.setTimeout(silenceTimeout, () =>
      outgoing.destroy(Object.assign(new Error("the server is silent"), { code: "ETIMEDOUT" })),
    );
    outgoing.on("response", resolve);
    outgoing.on("error", (error) => reject(fail(error)));
    if (typeof body === "function")
      // A server may answer, and hang up, before it has read everything: then its answer counts.
      pipeline(Readable.from(body()), outgoing).catch((error: unknown) => setImmediate(reject, fail(error)));
    else outgoing.end(body);
  });
}

export const basicAuth = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});

async function textOf(answer: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > limit) break;
    }
  } catch (error) {
    if (chunks.length === 0) return `(the answer broke off: ${(error as Error).message})`;
  }
  return Buffer.concat(chunks).subarray(0, limit).toString("utf8");
}

/** @throws StoreError when the answer is no JSON. */
export async function readJson(answer: IncomingMessage): Promise<unknown> {
  const text = await textOf(answer, jsonLimit);
  try {
    return JSON.parse(text);
  } catch {
    throw new StoreError(`the answer is no JSON: ${JSON.stringify(text.slice(0, 200))}`);
  }
}
