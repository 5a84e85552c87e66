import type { ClientRequest, IncomingMessage } from "node:http";
import { request as tlsRequest } from "node:https";
import { connect } from "node:net";
import { http } from "@capstan/core/wire";

export interface ProbeRequest {
  secure: boolean;
  host: string;
  port: number;
  path: string;
  headers: Record<string, string[]>;
}

// The kubelet reads no more of an answer.
const bodyLimit = 10 * 1024;
const redirectLimit = 10;

export interface HttpAnswer {
  status: number;
  body: string;
  /** It points to another host, which is not asked. */
  terminatedRedirect?: boolean;
}

/** GET, following redirects to the same host only; certificates are not checked. */
export async function get(request: ProbeRequest, signal: AbortSignal, redirects = 0): Promise<HttpAnswer> {
  const url = `${request.secure ? "https" : "http"}://${request.host}:${request.port}${request.path}`;
  try {
    const { status, body, location } = await once(request, signal);
    if (status < 300 || status >= 400 || !location) return { status, body };
    const next = new URL(location, url);
    if (next.hostname !== request.host) return { status, body, terminatedRedirect: true };
    if (redirects >= redirectLimit) throw new Error(`stopped after ${redirectLimit} redirects`);
    const secure = next.protocol === "https:";
    const port = Number(next.port) || (secure ? 443 : 80);
    return await get({ ...request, secure, port, path: next.pathname + next.search }, signal, redirects + 1);
  } catch (error) {
    throw new Error(`Get "${url}": ${reasonOf(error, signal)}`, { cause: error });
  }
}

function once(
  { secure, host, port, path, headers }: ProbeRequest,
  signal: AbortSignal,
): Promise<{ status: number; body: string; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const options = { host, port, path, signal, agent: false as const, rejectUnauthorized: false };
    const answer = (response: IncomingMessage) => {
      let body = "";
      const status = response.statusCode ?? 0;
      const done = () => resolve({ status, body, location: response.headers.location });
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
        if (body.length > bodyLimit) {
          done();
          response.destroy();
        }
      });
      response.on("end", done);
      response.on("error", reject);
    };
    const make = secure ? tlsRequest : http.request;
    const request: ClientRequest = make({ ...options, headers: headersFor(headers) }, answer);
    request.on("error", reject);
    request.end();
  });
}

/** One value is no list: of some names, such as Host, Node takes no list. */
const headersFor = (headers: Record<string, string[]>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, [first = "", ...rest]]) => [name, rest.length > 0 ? [first, ...rest] : first]),
  );

export async function probeConnection(host: string, port: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port });
    const over = () => socket.destroy(new Error("i/o timeout"));
    signal.addEventListener("abort", over, { once: true });
    socket.on("close", () => signal.removeEventListener("abort", over));
    socket.on("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", (error) => reject(new Error(`dial tcp ${host}:${port}: ${reasonOf(error, signal)}`)));
  });
}

/** In the words of Go's net package. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  const { code, address, port, message } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (signal.aborted) return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
  const dial = address ? `dial tcp ${address}:${port}: ` : "";
  if (code === "ECONNREFUSED") return `${dial}connect: connection refused`;
  if (code === "EHOSTUNREACH") return `${dial}connect: no route to host`;
  if (code === "ECONNRESET") return "read: connection reset by peer";
  return message;
}
