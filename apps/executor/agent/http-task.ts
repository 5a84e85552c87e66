// One template of type http: its request, and what its answer means.
import { Secrets } from "@capstan/api/generated/resources";
import type { HttpHeader, HttpTemplate, NodeResult } from "@capstan/api/kinds/workflow";
import type { Client } from "@capstan/core/client";
import { evaluateCondition } from "@capstan/operators/workflow";
import { type Answer, canonical, request } from "./request.ts";

/** Source: argo-workflows docs/http-template.md. */
const defaultSeconds = 30;

interface Surroundings {
  client: Client;
  namespace: string;
  signal: AbortSignal;
}

/** @throws Error for what keeps the request from being made or answered, or its condition from being read. */
export async function runHttp(template: HttpTemplate, around: Surroundings): Promise<NodeResult> {
  const { url, method = "GET", body = "", bodyFrom, timeoutSeconds = defaultSeconds, successCondition } = template;
  const headers = await Promise.all((template.headers ?? []).map((header) => resolve(header, around)));
  const bytes = bodyFrom?.bytes === undefined ? Buffer.from(body) : Buffer.from(bodyFrom.bytes, "base64");
  const limit = AbortSignal.timeout(timeoutSeconds * 1000);
  let answer: Answer;
  try {
    answer = await request({
      url,
      method: method || "GET",
      headers,
      body: bytes,
      insecure: template.insecureSkipVerify === true,
      signal: AbortSignal.any([limit, around.signal]),
    });
  } catch (error) {
    if (limit.aborted) throw new Error(`${method} ${url}: no answer within ${timeoutSeconds} s (timeoutSeconds)`);
    throw new Error(`${method} ${url}: ${wordsOf(error)}`, { cause: error });
  }
  const outputs = { result: answer.body };
  if (!successCondition) {
    if (answer.status >= 200 && answer.status < 300) return { phase: "Succeeded", outputs };
    return { phase: "Failed", message: `received non-2xx response code: ${answer.status}`, outputs };
  }
  const environment = {
    request: { method, url, body, bodyBytes: bodyFrom ? [...bytes] : null, headers: listed(headers) },
    response: { statusCode: answer.status, body: answer.body, headers: answer.headers },
  };
  if (evaluateCondition(successCondition, environment)) return { phase: "Succeeded", outputs };
  return { phase: "Failed", message: `successCondition '${successCondition}' evaluated false`, outputs };
}

/** What failed to connect says so in its cause, or in the several that were tried. */
function wordsOf(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: Error[] };
  return message || errors?.map((one) => one.message).join("; ") || code || String(error);
}

async function resolve({ name, value = "", valueFrom }: HttpHeader, around: Surroundings): Promise<[string, string]> {
  const ref = valueFrom?.secretKeyRef;
  if (!ref) return [name, value];
  const secret = await around.client.get(Secrets, { namespace: around.namespace, name: ref.name ?? "" });
  const encoded = secret.data?.[ref.key];
  if (encoded === undefined) throw new Error(`http.headers ${name}: Secret ${ref.name} has no key ${ref.key}`);
  return [name, Buffer.from(encoded, "base64").toString()];
}

function listed(headers: [string, string][]): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  for (const [name, value] of headers) result[canonical(name)] = [...(result[canonical(name)] ?? []), value];
  return result;
}
