// What of a request's and an answer's body an event may hold.
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import { bodyLimit, readBody } from "../body.ts";
import type { RequestInfo } from "../request.ts";

/** Whether bodies hold secrets or tokens: they are never recorded, whatever the policy says. */
export function isConfidential({ group, resource, subresource }: RequestInfo): boolean {
  if (group === "") return resource === "secrets" || (resource === "serviceaccounts" && subresource === "token");
  return group === "authentication.k8s.io" && resource === "tokenreviews";
}

/** A body that is too large for an event says so in its place. */
const omitted = (bytes: number) => ({ omitted: `${bytes} bytes, where bodyLimit allows ${bodyLimit}` });

/** The decoded body; undefined for an empty one and for one that the server will refuse. */
export async function requestObjectOf(request: HttpRequest): Promise<unknown> {
  if ((request.body?.length ?? 0) > bodyLimit) return omitted(request.body?.length ?? 0);
  try {
    return (await readBody(request)).value;
  } catch {
    return undefined;
  }
}

/** The decoded body of a whole JSON answer; undefined for streams and other types. */
export function responseObjectOf({ headers, body }: HttpResponse): unknown {
  if (!headers["content-type"]?.startsWith("application/json")) return undefined;
  if (!(body instanceof Uint8Array) && typeof body !== "string") return undefined;
  if (body.length > bodyLimit) return omitted(body.length);
  return JSON.parse(typeof body === "string" ? body : new TextDecoder().decode(body));
}

/** Takes metadata.managedFields out of an object or of a list's items, in place. */
export function dropManagedFields(value: unknown): unknown {
  const { metadata, items } = (value ?? {}) as { metadata?: { managedFields?: unknown }; items?: unknown[] };
  if (metadata && typeof metadata === "object") delete metadata.managedFields;
  if (Array.isArray(items)) for (const item of items) dropManagedFields(item);
  return value;
}
