// HTTP to registries: answers that stay away, endless documents and redirects, and credentials that go where they belong.
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { RuntimeError } from "../../cri.ts";
import type { RegistryTimings } from "./options.ts";

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  /** Must be read or destroyed. */
  body: IncomingMessage;
  /** Where redirects have led. */
  url: URL;
}

export interface Question {
  method?: "GET" | "HEAD" | "POST";
  headers?: Record<string, string>;
  body?: string;
  insecure?: boolean;
  signal?: AbortSignal;
}

const redirectLimit = 5;

/** A server that could not be asked: another one may be. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
  readonly code: string;

  constructor(url: URL, cause: NodeJS.ErrnoException) {
    const why = cause.code === "EPROTO" ? "it does not speak TLS as it should" : cause.message || cause.code;
    super(`${url.origin}: ${why}`, { cause });
    this.code = cause.code ?? "";
  }

  /** Perhaps plain HTTP. */
  get speaksNoTls(): boolean {
    return ["EPROTO", "ECONNRESET", "ECONNREFUSED"].includes(this.code);
  }

  get isUntrusted(): boolean {
    return /CERT|SIGNATURE/.test(this.code);
  }
}

export class HttpClient implements Disposable {
  readonly timings: RegistryTimings;
  readonly #agents = {
    "http:": new HttpAgent({ keepAlive: true }),
    "https:": new HttpsAgent({ keepAlive: true }),
    insecure: new HttpsAgent({ keepAlive: true, rejectUnauthorized: false }),
  };
  #trusted: SecureContext | undefined;

  constructor(timings: RegistryTimings) {
    this.timings = timings;
  }

  /** Follows redirects. @throws UnreachableError */
  async send(url: URL, question: Question = {}): Promise<Answer> {
    let at = url;
    let { headers = {} } = question;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#once(at, { ...question, headers });
      const { location } = answer.headers;
      if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
      answer.body.destroy();
      if (redirects >= redirectLimit || !URL.canParse(location, at.href)) {
        throw new RuntimeError("Failed", `${at.origin} redirects without end, or to what is no URL`);
      }
      const next = new URL(location, at);
      if (!["http:", "https:"].includes(next.protocol) || (at.protocol === "https:" && next.protocol === "http:"))
        throw new RuntimeError(
          "Failed",
          `${at.origin} redirects to ${next.protocol}//${next.host}, which is not secure`,
        );
      // Another server has no business with the credentials of this one.
      if (next.origin !== at.origin) {
        headers = Object.fromEntries(
          Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"),
        );
      }
      at = next;
    }
  }

  /** The whole body. @throws RuntimeError InvalidImage when it is longer than `limit` bytes. */
  async read(answer: Answer, limit: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => answer.body.destroy(stalled(answer.url)), this.timings.answer);
    try {
      for await (const chunk of answer.body) {
        length += chunk.length;
        if (length > limit)
          throw new RuntimeError("InvalidImage", `${answer.url.origin}: a document longer than ${limit} bytes`);
        chunks.push(chunk);
      }
    } catch (error) {
      throw error instanceof RuntimeError ? error : new UnreachableError(answer.url, error as NodeJS.ErrnoException);
    } finally {
      clearTimeout(timer);
      answer.body.destroy();
    }
    return Buffer.concat(chunks);
  }

  [Symbol.dispose](): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  /** Authorities that the node itself trusts count as well: those of a company, say. */
  #trust(): SecureContext {
    this.#trusted ??= createSecureContext({
      ca: [...new Set([...getCACertificates("default"), ...getCACertificates("system")])],
    });
    return this.#trusted;
  }

  #once(url: URL, question: Question): Promise<Answer> {
    const { method = "GET", headers, body, insecure, signal } = question;
    const secure = url.protocol === "https:";
    const agent = this.#agents[secure ? (insecure ? "insecure" : "https:") : "http:"];
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const all = { "user-agent": "capstan", "accept-encoding": "identity", ...headers };
    const tls = secure && !insecure ? { secureContext: this.#trust() } : {};
    const request = (secure ? requestHttps : requestHttp)(url, { method, headers: all, agent, signal, ...tls });
    const timer = setTimeout(() => request.destroy(stalled(url)), this.timings.answer);
    request.on("response", (response) => {
      clearTimeout(timer);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response, url });
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      // The server may close a connection that was kept in the moment in which it is used again.
      const stale = request.reusedSocket && error.code === "ECONNRESET" && !signal?.aborted;
      if (stale) resolve(this.#once(url, question));
      else reject(signal?.aborted ? signal.reason : new UnreachableError(url, error));
    });
    request.end(body);
    return promise;
  }
}

export function stalled(url: URL): NodeJS.ErrnoException {
  return Object.assign(new Error("the server does not answer in time"), { code: "ETIMEDOUT", host: url.host });
}
