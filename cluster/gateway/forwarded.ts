// The headers of a request on its way to a backend, and of the answer on its way back.
import type { IncomingMessage } from "node:http";
import { modifyHeaders, type RawHeaders, setHeader } from "./filter.ts";
import type { Backend, Hit } from "./route-table.ts";

// Of one connection only (RFC 9110 §7.6.1; this gateway answers `expect` itself).
const hopByHop = new Set(
  "connection expect keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split(
    " ",
  ),
);
// What a caller says of earlier hops is not believed, but for the chain of addresses.
const own = new Set(["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);

function withoutHops(raw: RawHeaders, connection: string | undefined, dropped: (name: string) => boolean): RawHeaders {
  const named = new Set((connection ?? "").toLowerCase().split(/\s*,\s*/));
  const kept: RawHeaders = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (!hopByHop.has(name) && !named.has(name) && !dropped(name)) kept.push(raw[i] as string, raw[i + 1] as string);
  }
  return kept;
}

/** @param strip the caller's credentials, which were for the gateway. */
export function requestHeaders(from: IncomingMessage, { rule }: Hit, backend: Backend, strip: boolean): RawHeaders {
  const { host = "", connection } = from.headers;
  const kept = withoutHops(from.rawHeaders, connection, (name) => own.has(name) || (strip && name === "authorization"));
  // Each hop adds the one that it sees.
  const before = from.headers["x-forwarded-for"];
  const address = from.socket.remoteAddress ?? "";
  kept.push("x-forwarded-for", before ? `${before}, ${address}` : address);
  kept.push("x-forwarded-host", host, "x-forwarded-proto", "http");
  if (from.headers["content-length"] === undefined && from.headers["transfer-encoding"] !== undefined) {
    kept.push("transfer-encoding", "chunked");
  }
  const hostname = rule.filters.rewrite?.hostname ?? backend.filters.rewrite?.hostname;
  const renamed = hostname ? setHeader(kept, "host", hostname) : kept;
  return modifyHeaders(renamed, [...rule.filters.request, ...backend.filters.request]);
}

export function responseHeaders(from: IncomingMessage, { rule }: Hit, backend: Backend): RawHeaders {
  const kept = withoutHops(from.rawHeaders, from.headers.connection, () => false);
  return modifyHeaders(kept, [...backend.filters.response, ...rule.filters.response]);
}
