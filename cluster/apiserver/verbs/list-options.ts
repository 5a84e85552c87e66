import { type KubeObject, parseFieldSelector, parseLabelSelector, type Selector, StatusError } from "@capstan/api/meta";
import { checkSelector, compileSelector, type Filter, keptPart, ownFieldsFilter } from "../object-meta.ts";
import type { Call } from "./call.ts";

/** What a list or watch asks for. */
export interface ListOptions {
  /** Undefined when everything is selected. */
  filter: Filter | undefined;
  /** What the filter cannot know: fields of custom kinds, read from the object. Such lists are answered whole. */
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
  const selector: Selector = {
    labels: parseLabelSelector(query.get("labelSelector") ?? ""),
    fields: parseFieldSelector(query.get("fieldSelector") ?? ""),
  };
  checkSelector(kind, selector);
  const match = query.get("resourceVersionMatch") ?? "";
  if (match !== "" && match !== "Exact" && match !== "NotOlderThan") {
    throw refuse(
      `resourceVersionMatch: Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`,
    );
  }
  const resourceVersion = revisionOf(query.get("resourceVersion"));
  const token = query.get("continue");
  if (match !== "" && resourceVersion === undefined && query.get("sendInitialEvents") === null) {
    throw refuse(
      "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
    );
  }
  if (match === "Exact" && resourceVersion === 0) {
    throw refuse('resourceVersionMatch: Forbidden: resourceVersionMatch "Exact" is forbidden for resourceVersion "0"');
  }
  if (token && resourceVersion) throw refuse("specifying resource version is not allowed when using continue");
  const kept = keptPart(kind, selector);
  const selects = ownFieldsFilter(kind, selector);
  const limit = limitOf(query.get("limit"));
  return {
    filter: kept.labels.length + kept.fields.length > 0 ? compileSelector(kind, kept) : undefined,
    selects,
    limit: selects ? 0 : limit,
    continuation: token ? decodeContinuation(token) : undefined,
    resourceVersion,
    match,
  };
}

function limitOf(text: string | null): number {
  if (!text) return 0;
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 0)
    throw refuse(`limit: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  return limit;
}

/** Throws BadRequest for anything but a decimal number. */
export function revisionOf(text: string | null): number | undefined {
  if (!text) return undefined;
  if (!/^\d{1,16}$/.test(text))
    throw refuse(`resourceVersion: Invalid value: ${JSON.stringify(text)}: must be a decimal number`);
  return Number(text);
}

/** Source: the shape of upstream's continue tokens. */
export function encodeContinuation({ revision, after }: Continuation): string {
  return btoa(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start: after })).replace(/=+$/, "");
}

function decodeContinuation(token: string): Continuation {
  try {
    const { v, rv, start } = JSON.parse(atob(token)) as Record<string, unknown>;
    if (v === "meta.k8s.io/v1" && Number.isSafeInteger(rv) && typeof start === "string") {
      return { revision: rv as number, after: start };
    }
  } catch (thrown) {
    throw refuse(`continue key is not valid: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  throw refuse("continue key is not valid");
}
