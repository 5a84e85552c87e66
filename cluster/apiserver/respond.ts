// Answers in the form that the client asked for.
import { apiVersionOf, type KubeObject, StatusError } from "@capstan/api/meta";
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import { joinList, type ListHeader } from "./json-lines.ts";
import type { Kind } from "./kind.ts";
import { type Negotiated, negotiate, parseAccept } from "./negotiation.ts";
import { encodeObject, parseServed, servedBytes, type Written } from "./objects.ts";
import { tableOf } from "./table/table.ts";
import type { Call } from "./verbs/call.ts";
import { type EventForm, objectForm, renderedForm } from "./verbs/event-form.ts";
import type { Listing } from "./verbs/list.ts";

const json = "application/json";
const yaml = "application/yaml";

export function answerJson(value: unknown, status = 200): HttpResponse {
  return { status, headers: { "content-type": json }, body: encodeObject(value) };
}

/** The Status of what was thrown, as YAML where the request asks for that before JSON. */
export async function answerError(thrown: unknown, { headers }: HttpRequest): Promise<HttpResponse> {
  const error = StatusError.from(thrown);
  const form = parseAccept(headers.accept).find(({ type }) => type === json || type === yaml);
  const answer =
    form?.type === yaml
      ? await encode(error.toStatus(), { as: "object", version: "v1", encoding: "yaml" }, error.code, {})
      : answerJson(error.toStatus(), error.code);
  const seconds = error.details?.retryAfterSeconds;
  if (seconds !== undefined) answer.headers["retry-after"] = String(seconds);
  return answer;
}

const formOf = ({ request, info }: Call): Negotiated =>
  negotiate(request.headers.accept, info.verb === "list" || info.verb === "watch");

/** PartialObjectMetadata of an object. */
function partial(object: KubeObject, version: string, kind = "PartialObjectMetadata"): Record<string, unknown> {
  return { kind, apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

/** Refuses a form before anything is written. */
export function checkForm(call: Call): Negotiated {
  const form = formOf(call);
  const { info, kind } = call;
  if (form.as === "table") includeOf(call);
  const refuse = (wanted: string, is: string, suffix: string) =>
    new StatusError(
      "NotAcceptable",
      `you requested ${wanted}, but the requested object ${is} (*${goType(kind)}${suffix})`,
    );
  if (form.as === "partialList" && info.verb !== "list" && info.verb !== "watch") {
    throw refuse("PartialObjectMetadataList", "is not a list", "");
  }
  if (form.as === "partial" && info.verb === "list") throw refuse("PartialObjectMetadata", "is a list", "List");
  return form;
}

/** As upstream names a kind inside. */
function goType({ group, kind, custom }: Kind): string {
  if (custom) return "unstructured.Unstructured";
  return `${group === "" || group === "events.k8s.io" ? "core" : group.split(".")[0]}.${kind}`;
}

export async function answerObject(
  call: Call,
  written: Written,
  status = 200,
  kind = call.kind,
): Promise<HttpResponse> {
  const form = formOf(call);
  const headers: Record<string, string> = { "content-type": json };
  if (call.warnings.length > 0) headers.warning = call.warnings.map(warningOf).join(", ");
  if (form.as === "object" && form.encoding === "json") return { status, headers, body: written.bytes };
  let value: unknown = written.object;
  if (form.as === "table") value = tableOf(kind, [written.object], includeOf(call), form.version);
  else if (form.as === "partial") value = partial(written.object, form.version);
  return encode(value, form, status, headers);
}

async function encode(
  value: unknown,
  form: Negotiated,
  status: number,
  headers: Record<string, string>,
): Promise<HttpResponse> {
  if (form.encoding === "json") return { status, headers, body: encodeObject(value) };
  const { stringify } = await import("yaml");
  headers["content-type"] = yaml;
  return { status, headers, body: stringify(value) };
}

const warningOf = (text: string) => `299 - ${JSON.stringify(text.replace(/[^\x20-\x7e]/g, "?"))}`;

export function withWarnings({ warnings }: Call, response: HttpResponse): HttpResponse {
  if (warnings.length > 0) response.headers.warning = warnings.map(warningOf).join(", ");
  return response;
}

type Include = "None" | "Metadata" | "Object";

function includeOf({ info }: Call): Include {
  const include = info.query.get("includeObject") || "Metadata";
  if (include === "None" || include === "Metadata" || include === "Object") return include;
  throw new StatusError(
    "BadRequest",
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

export async function answerList(call: Call, { header, records }: Listing): Promise<HttpResponse> {
  const { kind } = call;
  const form = formOf(call);
  const headers: Record<string, string> = { "content-type": json };
  if (call.warnings.length > 0) headers.warning = call.warnings.map(warningOf).join(", ");
  if (form.as === "object" && form.encoding === "json") {
    const body = joinList(
      header,
      records.map((record) => servedBytes(kind, record.bytes)),
    );
    return { status: 200, headers, body };
  }
  const objects = records.map((record) => parseServed(kind, record.bytes));
  return answerObjects(call, header, objects);
}

/** As answerList, of objects that are not stored. */
export function answerObjects(call: Call, header: ListHeader, objects: KubeObject[]): Promise<HttpResponse> {
  const form = formOf(call);
  return encode(listValue(call, form, header, objects), form, 200, { "content-type": json });
}

function listValue(call: Call, form: Negotiated, header: ListHeader, objects: KubeObject[]): unknown {
  if (form.as === "object") return { ...header, items: objects };
  const { continue: next, ...rest } = header.metadata;
  const metadata = { ...rest, ...(next ? { continue: next } : {}) };
  if (form.as === "table") return { ...tableOf(call.kind, objects, includeOf(call), form.version), metadata };
  const { version } = form;
  const items = objects.map((object) => partial(object, version));
  return { kind: "PartialObjectMetadataList", apiVersion: `meta.k8s.io/${version}`, metadata, items };
}

/** How the events of a watch are written. A Table's first event alone names the columns. */
export function watchForm(call: Call): EventForm {
  const form = formOf(call);
  const { kind } = call;
  if (form.as === "object") return objectForm(kind);
  if (form.as !== "table") return renderedForm(kind, (object) => partial(object, form.version));
  const include = includeOf(call);
  let first = true;
  return renderedForm(kind, (object) => {
    const table = tableOf(kind, [object], include, form.version);
    if (!first) table.columnDefinitions = [];
    first = false;
    return table;
  });
}

/** What a finished DELETE answers. */
export function deletedStatus(kind: Kind, object: KubeObject): Record<string, unknown> {
  const details = {
    name: object.metadata.name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.resource,
    uid: object.metadata.uid,
  };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

export { apiVersionOf };
