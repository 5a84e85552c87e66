import { type KubeObject, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { HttpResponse } from "@capstan/base/http";
import { ArchiveQueryError, LineageQueryError, type OpenRecords, type Records } from "@capstan/core/records";
import type { ListHeader } from "../json-lines.ts";
import type { Kind } from "../kind.ts";
import { encodeObject } from "../objects.ts";
import { pathNotFound } from "../registry.ts";
import type { Endpoint, EndpointCall } from "../request.ts";
import { answerJson, answerObject, answerObjects, withWarnings } from "../respond.ts";

export interface RecordCall extends EndpointCall {
  records: OpenRecords;
  warn(message: string): void;
}
export interface Page {
  items: KubeObject[];
  continue?: string;
}
/** What a kind of records answers. Absent ones are not allowed. */
export interface Answers {
  get?(call: RecordCall): Promise<KubeObject>;
  list?(call: RecordCall): Promise<Page>;
  create?(call: RecordCall): Promise<KubeObject>;
  update?(call: RecordCall): Promise<KubeObject>;
  delete?(call: RecordCall): Promise<void>;
  /** All of a namespace. */
  deletecollection?(call: RecordCall): Promise<void>;
}

const methodNotAllowed = () =>
  new StatusError("MethodNotAllowed", "the server does not allow this method on the requested resource");

export function recordsEndpoint(kind: Kind, records: Records, answers: Answers): Endpoint {
  const { group, version, resource } = kind;
  const connect = async (given: EndpointCall): Promise<HttpResponse> => {
    const { info, request } = given;
    const warnings: string[] = [];
    const call = { ...given, kind, warnings };
    if (info.rest !== "") throw pathNotFound();
    if (info.verb !== "list" && info.namespace === "") throw pathNotFound();
    const answer = answers[info.verb as keyof Answers];
    if (!answer || (info.verb === "create") !== (request.method === "POST")) throw methodNotAllowed();
    const result = await asStatus(async () => {
      return answer({ ...given, records: await records.open(), warn: (message) => warnings.push(message) });
    });
    if (!result) return answerJson({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" });
    if (info.verb !== "list") {
      const object = result as KubeObject;
      return answerObject(call, { object, bytes: encodeObject(object) }, info.verb === "create" ? 201 : 200);
    }
    const { items, continue: next } = result as Page;
    const header: ListHeader = {
      kind: kind.listKind,
      apiVersion: `${group}/${version}`,
      metadata: { resourceVersion: "", ...(next ? { continue: next } : {}) },
    };
    return withWarnings(call, await answerObjects(call, header, items));
  };
  return { group, version, resource, subresource: "", connect };
}

/** What the records refuse is the caller's; what else fails is the database's. */
async function asStatus<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StatusError) throw error;
    if (error instanceof ArchiveQueryError || error instanceof LineageQueryError)
      throw new StatusError("BadRequest", error.message);
    throw new StatusError("ServiceUnavailable", `the records cannot be used now: ${messageOf(error)}`);
  }
}

/** A whole number of the query. */
export function readLimit(query: URLSearchParams): number | undefined {
  const text = query.get("limit");
  if (!text) return undefined;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 0) throw new StatusError("BadRequest", `limit: "${text}" is no whole number`);
  return limit;
}

/** The parameters that are given, by name. */
export function pick<K extends string>(query: URLSearchParams, names: readonly K[]): Partial<Record<K, string>> {
  const given = names.flatMap((name) => {
    const value = query.get(name);
    return value ? [[name, value] as const] : [];
  });
  return Object.fromEntries(given) as Partial<Record<K, string>>;
}
