// Requests and answers as they are on the wire: status, headers and bytes, so that a case sees what a client sees.
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent, request as open } from "node:https";

export interface Access {
  /** https://host:port */
  url: string;
  /** PEM. */
  ca: string;
  cert: string;
  key: string;
}

// biome-ignore lint/suspicious/noExplicitAny: cases read whatever a server answers
export type Loose = any;

/** An object, text or bytes. Objects are sent as JSON. */
export type Body = object | string | Uint8Array;

export interface RequestOptions {
  body?: Body;
  /** Content-Type of the body; default application/json. */
  type?: string;
  accept?: string;
  headers?: Record<string, string | string[]>;
  /** Whom to act as: headers of impersonation. */
  as?: { user: string; groups?: string[] };
  /** A bearer token in place of the certificate; the empty text is nobody. */
  token?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  text: string;
  json: Loose;
  /** Warning headers, in order. */
  warnings: string[];
}

export interface WatchEvent {
  type: string;
  object: Loose;
}

/** A stream of lines. */
export interface Stream extends AsyncDisposable {
  status: number;
  headers: IncomingHttpHeaders;
  /** The next event; undefined once the server has ended the stream. Throws when none comes in time. */
  next(): Promise<WatchEvent | undefined>;
}

/** How long an event may take, in milliseconds. */
const patience = 15_000;

export class Exchange implements Disposable {
  readonly access: Access;
  readonly #named: Agent;
  readonly #unnamed: Agent;

  constructor(access: Access) {
    this.access = access;
    this.#named = new Agent({ keepAlive: true, maxSockets: 32, ca: access.ca, cert: access.cert, key: access.key });
    this.#unnamed = new Agent({ keepAlive: true, maxSockets: 32, ca: access.ca });
  }

  async send(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const message = await this.#open(method, path, options);
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const text = bytes.toString("utf8");
    const { headers, statusCode: status = 0 } = message;
    return { status, headers, bytes, text, json: parse(text), warnings: warningsOf(message) };
  }

  async watch(path: string, options: RequestOptions = {}): Promise<Stream> {
    const message = await this.#open("GET", path, options);
    message.setEncoding("utf8");
    const lines = linesOf(message)[Symbol.asyncIterator]();
    return {
      status: message.statusCode ?? 0,
      headers: message.headers,
      async next() {
        const { value, done } = await inTime(lines.next(), path);
        return done ? undefined : (JSON.parse(value) as WatchEvent);
      },
      async [Symbol.asyncDispose]() {
        message.destroy();
      },
    };
  }

  async #open(method: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
    const { body, type, accept, as, token } = options;
    const payload = body === undefined ? undefined : encode(body);
    const headers: Record<string, string | string[]> = {
      "user-agent": "conformance",
      accept: accept ?? "application/json",
      ...(payload ? { "content-type": type ?? "application/json", "content-length": String(payload.length) } : {}),
      ...(as ? { "impersonate-user": as.user } : {}),
      ...(as?.groups ? { "impersonate-group": as.groups } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...options.headers,
    };
    const agent = token === undefined ? this.#named : this.#unnamed;
    const request = open(new URL(this.access.url + path), { method, headers, agent });
    // A server may answer, and close, before it has read all of a body that is too large.
    const answered = once(request, "response") as Promise<[IncomingMessage]>;
    request.end(payload);
    const [message] = await answered;
    request.on("error", () => message.destroy());
    return message;
  }

  [Symbol.dispose](): void {
    this.#named.destroy();
    this.#unnamed.destroy();
  }
}

function encode(body: Body): Buffer {
  if (typeof body === "string") return Buffer.from(body);
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
}

function parse(text: string): unknown {
  if (!/^\s*[{["]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch (thrown) {
    // Several documents, or another format that begins alike: cases read the text.
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

function warningsOf({ rawHeaders }: IncomingMessage): string[] {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === "warning");
  return values.flatMap((value) => value.split(/, (?=299 )/));
}

async function* linesOf(message: IncomingMessage): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of message) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no event of ${what} within ${patience} ms`)), patience);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
