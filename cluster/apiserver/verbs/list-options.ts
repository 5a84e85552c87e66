import { type KubeObject, parseFieldSelector, parseLabelSelector, StatusError } from "@capstan/api/meta";
import { FieldErrors } from "../field-errors.ts";
import { checkSelector, compileSelector, type Filter, keptPart, ownFieldsFilter } from "../object-meta.ts";
import type { Call } from "./call.ts";

/** What a list or watch asks for. */
export interface ListOptions {
  /** Undefined when everything is selected. */
  filter: Filter | undefined;
  /** What the filter cannot know: fields of custom kinds, read from the object. */
  selects: ((object: KubeObject) => boolean) | undefined;
  limit: number;
  continuation: Continuation | undefined;
  /** Undefined: not given. */
  resourceVersion: number | undefined;
  match: "" | "Exact" | "NotOlderThan";
}

export interface Continuation {
  revision: number;
  /** Key after which the list goes on. */
  after: string;
}

const refuse = (message: string) => new StatusError("BadRequest", message);

export function listOptionsOf({ info, kind }: Call): ListOptions {
  const { query } = info;
  const selector = checkSelector(kind, {
    labels: parseLabelSelector(query.get("labelSelector") ?? ""),
    fields: parseFieldSelector(query.get("fieldSelector") ?? ""),
  });
  integerOf(query.get("timeoutSeconds"));
  const limit = Math.max(integerOf(query.get("limit")), 0);
  checkListOptions(query, info.verb === "watch");
  const match = (query.get("resourceVersionMatch") ?? "") as ListOptions["match"];
  const token = query.get("continue");
  const resourceVersion = revisionOf(
    query.get("resourceVersion"),
    info.verb === "watch" ? "" : "invalid resource version: ",
  );
  if (token && resourceVersion) throw refuse("specifying resource version is not allowed when using continue");
  const kept = keptPart(kind, selector);
  const selects = ownFieldsFilter(kind, selector);
  return {
    filter: kept.labels.length + kept.fields.length > 0 ? compileSelector(kind, kept) : undefined,
    selects,
    // What a cache may answer is answered whole, as upstream does.
    limit: resourceVersion === 0 && match !== "Exact" && !token ? 0 : limit,
    continuation: token ? decodeContinuation(token) : undefined,
    resourceVersion,
    // A limit alone used to ask for exactly that state. Source: apiserver's etcd3 store, "legacy exact match".
    match: match === "" && limit > 0 && resourceVersion ? "Exact" : match,
  };
}

/** Throws Invalid. Source: apimachinery's ValidateListOptions. */
function checkListOptions(query: URLSearchParams, watches: boolean): void {
  const errors = new FieldErrors();
  const field = "resourceVersionMatch";
  const match = query.get(field) ?? "";
  const [send, version, token] = ["sendInitialEvents", "resourceVersion", "continue"].map((name) => query.get(name));
  const continued = "resourceVersionMatch is forbidden when continue is provided";
  if (watches) {
    if (send && match !== "NotOlderThan") {
      errors.forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if (match !== "") {
      if (!send)
        errors.forbidden(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
      if (match !== "NotOlderThan") errors.notSupported(field, match, ["NotOlderThan"]);
      if (token) errors.forbidden(field, continued);
    }
  } else {
    if (match !== "") {
      if (!version) errors.forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided");
      if (token) errors.forbidden(field, continued);
      if (match !== "Exact" && match !== "NotOlderThan")
        errors.notSupported(field, match, ["Exact", "NotOlderThan", ""]);
      if (match === "Exact" && version === "0") {
        errors.forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
      }
    }
    if (send) errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
  }
  errors.throwFor({ group: "meta.k8s.io", kind: "ListOptions" }, "");
}

/** Zero where absent. Throws BadRequest. */
export function integerOf(text: string | null | undefined): number {
  if (!text) return 0;
  if (!/^[+-]?\d{1,19}$/.test(text)) {
    throw refuse(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

/** Throws BadRequest for anything but a decimal number. */
export function revisionOf(text: string | null, prefix: string): number | undefined {
  if (!text) return undefined;
  if (!/^\d{1,16}$/.test(text)) {
    const detail = `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw refuse(`${prefix}resourceVersion: Invalid value: ${JSON.stringify(text)}: ${detail}`);
  }
  return Number(text);
}

/** Source: the shape of upstream's continue tokens. */
export function encodeContinuation({ revision, after }: Continuation): string {
  const text = btoa(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start: after }));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function decodeContinuation(token: string): Continuation {
  const wrong = (detail: string) => refuse(`invalid continue token: continue key is not valid: ${detail}`);
  const bad = /[^A-Za-z0-9_-]/.exec(token)?.index ?? (token.length % 4 === 1 ? token.length - 1 : undefined);
  if (bad !== undefined) throw wrong(`illegal base64 data at input byte ${bad}`);
  let read: unknown;
  try {
    read = JSON.parse(atob(token.replaceAll("-", "+").replaceAll("_", "/")));
  } catch (thrown) {
    throw wrong(thrown instanceof Error ? thrown.message : String(thrown));
  }
  const { v, rv, start } = (typeof read === "object" && read !== null ? read : {}) as Record<string, unknown>;
  if (v !== "meta.k8s.io/v1") throw wrong(`server does not recognize this encoded version ${JSON.stringify(v ?? "")}`);
  if (!Number.isSafeInteger(rv) || !rv) throw wrong(`incorrect encoded start resourceVersion (version ${v})`);
  if (typeof start !== "string" || start === "") throw wrong(`empty start key`);
  return { revision: rv as number, after: start };
}
