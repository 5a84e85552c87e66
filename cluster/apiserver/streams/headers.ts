// Of one hop (RFC 9110), or for this server alone: credentials end here.
const kept = new Set(["authorization", "host", "keep-alive", "transfer-encoding", "te", "trailer", "content-length"]);

/** The headers of a request that the next server should see; an Upgrade stays one. */
export function forwardable(headers: Record<string, string>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (kept.has(name) || name.startsWith("proxy-")) continue;
    if (name === "connection" && !headers.upgrade) continue;
    result[name] = value;
  }
  return result;
}

/** The headers of an answer that the client should see. */
export function returnable(headers: Record<string, string>): Record<string, string> {
  const { connection: _, "keep-alive": __, "transfer-encoding": ___, "content-length": ____, ...rest } = headers;
  return rest;
}
