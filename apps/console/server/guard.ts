// What every request must pass before anything looks at it: whose page sent it, and to whom it believes to speak.
import type { Handler, HttpRequest, HttpResponse, Interceptor } from "@capstan/base/http";
import { refuse } from "./answer.ts";

/** Carries the session's key. A page of another origin cannot send it without a preflight, which is never granted. */
export const consoleHeader = "x-capstan-console";

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

const always: Record<string, string> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
};

/** @param hosts names beside the loopback ones that this server may be called by, with their ports. */
export function guarded(hosts: readonly string[] = []): Interceptor {
  return (next: Handler): Handler =>
    async (request) => {
      const answer = refusal(request, hosts) ?? (await next(request));
      return { ...answer, headers: { ...always, ...answer.headers } };
    };
}

/** The refusal of a request that no page of this console sent, else undefined. */
export function refusal(request: HttpRequest, hosts: readonly string[]): HttpResponse | undefined {
  const { host = "", origin, [consoleHeader]: custom, "sec-fetch-site": site } = request.headers;
  if (!loopback.test(host) && !hosts.includes(host)) {
    return refuse(421, "UnknownHost", `this console does not answer to the name "${host}": open it by 127.0.0.1`);
  }
  const navigation = request.method === "GET" && request.headers["sec-fetch-mode"] === "navigate";
  if (!navigation && site !== undefined && site !== "same-origin" && site !== "none") {
    return refuse(403, "CrossSite", "another site's page may not call this console");
  }
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return refuse(403, "CrossSite", "another site's page may not call this console");
  }
  const reads = request.method === "GET" || request.method === "HEAD";
  if (!reads && custom === undefined) {
    return refuse(403, "HeaderMissing", `writes carry the header ${consoleHeader}`);
  }
  return undefined;
}
