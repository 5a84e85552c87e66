// The API server as a Handler in the browser: what core/client needs, over fetch.
import type { Handler } from "@capstan/base/http";
import { patientFetch } from "./patient.ts";

const keyName = "capstan.key";

/** The session's key, in this origin's storage: see server/session.ts. */
export function sessionKey(): string {
  return localStorage.getItem(keyName) ?? "none";
}

export function keepSessionKey(key: string | undefined): void {
  if (key === undefined) localStorage.removeItem(keyName);
  else localStorage.setItem(keyName, key);
}

/** Proves to the server that this app sent the request: no other origin has the key, nor may it set the header. */
export function consoleHeaders(): Record<string, string> {
  return { "x-capstan-console": sessionKey() };
}

const listeners = new Set<() => void>();

/** Calls back when the server no longer knows the session. Returns the way to stop. */
export function onSessionLost(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function sessionLost(): void {
  for (const listener of listeners) listener();
}

/** Sends API requests through the console's server, which adds the identity of the session. */
export const fetchHandler: Handler = async (request) => {
  // What only reads may be sent twice.
  const send = request.method === "GET" ? patientFetch : fetch;
  const answer = await send(`/k8s${request.url}`, {
    method: request.method,
    headers: { ...request.headers, ...consoleHeaders() },
    body: (request.body as Uint8Array<ArrayBuffer> | undefined) ?? null,
    signal: request.signal,
  });
  if (answer.status === 401) sessionLost();
  const headers: Record<string, string> = Object.fromEntries(answer.headers);
  if (!answer.body) return { status: answer.status, headers };
  return { status: answer.status, headers, body: chunks(answer.body) };
};

/** Safari has no async iteration of ReadableStream. */
async function* chunks(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
