import { randomUUID } from "node:crypto";
import type { WebhookClientConfig } from "@capstan/api/generated/admissionregistration-v1";
import { Services } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { HttpResponse } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import { createTransport, type TransportOptions } from "@capstan/core/wire";
import type { Attributes, View } from "../../request.ts";
import { pickEndpoint } from "../../service-endpoint.ts";
import { conditionsHold, variablesOf } from "../policy/conditions.ts";
import type { Webhook } from "./match.ts";
import { type AdmissionResponse, denial, readResponse, reviewOf } from "./review.ts";

export interface WebhookCaller {
  /**
   * Asks one webhook. Undefined when its conditions do not hold, or its failure is to be ignored.
   * Throws what refuses the write.
   */
  call(webhook: Webhook, attributes: Attributes): Promise<AdmissionResponse | undefined>;
}

const defaultTimeout = 10;
const largestAnswer = 3 * 1024 * 1024;

export function createWebhookCaller(view: View, log: Logger): WebhookCaller {
  return {
    call: async (webhook, attributes) => {
      const { name } = webhook;
      let response: AdmissionResponse;
      try {
        const { matchConditions } = webhook;
        if (matchConditions?.length && !conditionsHold(matchConditions, variablesOf(view, attributes)))
          return undefined;
        checkDryRun(webhook, attributes);
        response = await ask(view, webhook, attributes);
      } catch (error) {
        if (error instanceof DryRunRefused) throw error;
        const text = `failed calling webhook ${JSON.stringify(name)}: failed to call webhook: ${messageOf(error)}`;
        if (webhook.failurePolicy !== "Ignore")
          throw new StatusError("InternalError", `Internal error occurred: ${text}`);
        log.warn("a webhook failed and is ignored", { webhook: name, error });
        return undefined;
      }
      for (const warning of response.warnings ?? []) attributes.warn(warning);
      if (!response.allowed) throw denial(name, response.status);
      return response;
    },
  };
}

class DryRunRefused extends StatusError {}

function checkDryRun({ name, sideEffects }: Webhook, { dryRun }: Attributes): void {
  if (!dryRun || sideEffects === "None" || sideEffects === "NoneOnDryRun") return;
  throw new DryRunRefused("BadRequest", `admission webhook ${JSON.stringify(name)} does not support dry run`);
}

async function ask(view: View, webhook: Webhook, attributes: Attributes): Promise<AdmissionResponse> {
  const seconds = webhook.timeoutSeconds ?? defaultTimeout;
  const { path, ...options } = targetOf(view, webhook.clientConfig);
  using transport = createTransport(options);
  const uid = randomUUID();
  const timeout = AbortSignal.timeout(seconds * 1000);
  try {
    const answer = await transport.handler({
      method: "POST",
      url: `${path}${path.includes("?") ? "&" : "?"}timeout=${seconds}s`,
      headers: { "content-type": "application/json", accept: "application/json" },
      body: Buffer.from(JSON.stringify(reviewOf(attributes, uid))),
      signal: AbortSignal.any([attributes.signal, timeout]),
    });
    const text = await readAll(answer);
    if (answer.status >= 300) throw new Error(`it answered ${answer.status}: ${text.slice(0, 500)}`);
    return readResponse(JSON.parse(text), uid);
  } catch (error) {
    if (timeout.aborted) throw new Error(`no answer within ${seconds} s (timeoutSeconds)`);
    throw error;
  }
}

function targetOf(view: View, { url, service, caBundle }: WebhookClientConfig): TransportOptions & { path: string } {
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

async function readAll({ body }: HttpResponse): Promise<string> {
  if (body === undefined || typeof body === "string") return body ?? "";
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > largestAnswer) throw new Error(`its answer is larger than ${largestAnswer} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
