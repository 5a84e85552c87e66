// The Kubernetes API as the session's user sees it, under /k8s.
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import { refuse } from "./answer.ts";
import type { Session } from "./session.ts";

const passedOn = ["accept", "content-type", "user-agent"];
const passedBack = ["content-type", "warning", "retry-after", "content-length", "content-encoding", "audit-id"];

/** A request of the browser as that of its session's user; whatever identity the browser claimed is left behind. */
export function asUser(
  session: Session,
  request: Pick<HttpRequest, "method" | "url" | "signal"> & Partial<HttpRequest>,
) {
  const headers: Record<string, string> = {};
  for (const name of passedOn) {
    const value = request.headers?.[name];
    if (value !== undefined) headers[name] = value;
  }
  if (session.token) headers.authorization = `Bearer ${session.token}`;
  const user: HttpRequest = { method: request.method, url: request.url, headers, signal: request.signal };
  if (request.body) user.body = request.body;
  if (!session.token) user.principal = session.principal;
  return user;
}

/** @param url path and query without the /k8s in front. */
export async function forwardToApi(api: Handler, session: Session, url: string, request: HttpRequest) {
  if (!isSummary(url) && isProxied(url.split("?", 1)[0] as string)) {
    // A proxied page would run in the console's own origin, with the session of whoever looks at it.
    return refuse(403, "Forbidden", "the console proxies no pages of pods, services or nodes: use kubectl proxy");
  }
  const answer = await api(asUser(session, { ...request, url }));
  return sandboxed(answer);
}

/** A node's own numbers: its agent answers them, as JSON, and nobody's page does. */
function isSummary(url: string): boolean {
  return /^\/api\/v1\/nodes\/[a-z0-9][a-z0-9.-]*\/proxy\/stats\/summary$/.test(url);
}

/** Whether the API would decode the path to one of a proxy; a path that cannot be decoded is the API's to refuse. */
function isProxied(path: string): boolean {
  const proxied = /\/(services|pods|nodes)\/+[^/]+\/+proxy(\/|$)/;
  try {
    return proxied.test(decodeURIComponent(path));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return proxied.test(path);
  }
}

/** What the API answers is data: never a page, never cached, never a cookie. */
function sandboxed(answer: HttpResponse): HttpResponse {
  const headers: Record<string, string> = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; sandbox",
  };
  for (const name of passedBack) {
    const value = answer.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  return { ...answer, headers };
}
