// Asks a webhook: at a URL, or at a Service of the cluster.
import { Services } from "@capstan/api/generated/resources";
import type { HttpResponse } from "@capstan/base/http";
import { createTransport, type TransportOptions } from "@capstan/core/wire";
import type { View } from "./request.ts";
import { pickEndpoint } from "./service-endpoint.ts";

/** Where a webhook answers: what the configurations of admission and of conversion have in common. */
export interface WebhookTarget {
  url?: string;
  service?: { namespace: string; name: string; path?: string; port?: number };
  /** Base64 of PEM. */
  caBundle?: string;
}

/** Bytes of the largest answer. */
const largestAnswer = 3 * 1024 * 1024;

export interface WebhookPost {
  body: unknown;
  /** Until the answer must be there. */
  seconds: number;
  /** Bytes of the largest answer; default 3 MiB. */
  limit?: number;
  signal?: AbortSignal;
}

/** Posts JSON and reads the JSON that is answered. Throws an Error that says why there is none. */
export async function postToWebhook(view: View, target: WebhookTarget, post: WebhookPost): Promise<unknown> {
  const { body, seconds, signal, limit = largestAnswer } = post;
  const { path, ...options } = transportOf(view, target);
  using transport = createTransport(options);
  const timeout = AbortSignal.timeout(seconds * 1000);
  try {
    const answer = await transport.handler({
      method: "POST",
      url: `${path}${path.includes("?") ? "&" : "?"}timeout=${seconds}s`,
      headers: { "content-type": "application/json", accept: "application/json" },
      body: Buffer.from(JSON.stringify(body)),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    const text = await readAll(answer, limit);
    if (answer.status >= 300) throw new Error(`it answered ${answer.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text);
  } catch (error) {
    if (timeout.aborted) throw new Error(`no answer within ${seconds} s (timeoutSeconds)`);
    throw error;
  }
}

function transportOf(view: View, { url, service, caBundle }: WebhookTarget): TransportOptions & { path: string } {
  const ca = caBundle ? Buffer.from(caBundle, "base64").toString() : undefined;
  if (url) {
    const { origin, pathname, search } = new URL(url);
    return { server: origin, path: pathname + search, ca };
  }
  const { namespace = "", name = "", port = 443, path = "/" } = service ?? {};
  const found = view.get(Services, { namespace, name });
  if (!found) throw new Error(`service ${JSON.stringify(name)} not found`);
  const serverName = `${name}.${namespace}.svc`;
  if (found.spec.type === "ExternalName")
    return { server: `https://${found.spec.externalName}:${port}`, path, ca, serverName };
  const endpoint = pickEndpoint(view, found, String(port));
  const host = endpoint.address.includes(":") ? `[${endpoint.address}]` : endpoint.address;
  return { server: `https://${host}:${endpoint.port}`, path, ca, serverName };
}

async function readAll({ body }: HttpResponse, limit: number): Promise<string> {
  if (body === undefined || typeof body === "string") return body ?? "";
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new Error(`its answer is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
