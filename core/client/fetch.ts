import type { Handler } from "@capstan/base/http";

/** A handler that asks a remote server by fetch: for browsers, which bring their own cookies and certificates. */
export function createFetchHandler(baseUrl: string): Handler {
  const root = baseUrl.replace(/\/+$/, "");
  return async ({ method, url, headers, body, signal }) => {
    const { "user-agent": _, ...allowed } = headers;
    const init: RequestInit = { method, headers: allowed, signal, credentials: "same-origin" };
    if (body) init.body = new Uint8Array(body);
    const response = await fetch(root + url, init);
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      ...(response.body ? { body: chunksOf(response.body) } : {}),
    };
  };
}

/** Reads by hand: not every browser can iterate a stream. Leaving early cancels the request. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!ended) await reader.cancel();
  }
}
