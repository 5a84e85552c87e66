import {
  applyJsonPatch,
  applyMergePatch,
  goJsonError,
  isReason,
  type KubeObject,
  StatusError,
} from "@capstan/api/meta";
import { applyStrategicMerge } from "@capstan/api/schema";
import { type Body, checkSize, mediaTypeOf, parseJson } from "../body.ts";
import type { Kind } from "../kind.ts";
import { goValue } from "../managed-fields/index.ts";
import type { Written } from "../objects.ts";
import { apply } from "./apply.ts";
import { type Call, type Core, managerOf } from "./call.ts";
import { placeInNamespace } from "./create.ts";
import { decodeObject } from "./decode.ts";
import { change, checkName } from "./update.ts";
import { writeOptionsOf } from "./write-options.ts";

const json = "application/json-patch+json";
const merge = "application/merge-patch+json";
const strategic = "application/strategic-merge-patch+json";
const applyYaml = "application/apply-patch+yaml";

export async function patch(core: Core, call: Call): Promise<Written> {
  const { info } = call;
  const type = mediaTypeOf(call.request);
  checkSize(call.request);
  if (type === applyYaml) return apply(core, call);
  const patcher = readPatch(call, type);
  const { dryRun, validation } = writeOptionsOf(call, "PatchOptions");
  return change(core, call, {
    dryRun,
    manager: managerOf(call),
    subresource: info.subresource,
    next(old) {
      const patched = patcher.applyTo(old) as KubeObject;
      checkIdentity(call, patched);
      const warn = (message: string) => void call.warnings.push(message);
      const shown = () => (type === strategic ? goValue(patcher.value) : JSON.stringify(patched));
      const options = { validation, duplicates: patcher.duplicates, warn };
      return decodePatched(patched, call.kind, options, shown, type === strategic);
    },
  });
}

type DecodeOptions = Parameters<typeof decodeObject>[2];

/** What a patch made of an object may be no object of its kind any more. Throws Invalid. */
function decodePatched(
  patched: KubeObject,
  kind: Kind,
  options: DecodeOptions,
  show: () => string,
  strategically: boolean,
): KubeObject {
  const shown = show();
  try {
    return decodeObject(patched, kind, options);
  } catch (thrown) {
    if (!isReason(thrown, "BadRequest") || kind.custom) throw thrown;
    const detail = thrown.message.slice(thrown.message.indexOf(": ") + 2);
    const message = `Invalid value: ${JSON.stringify(shown)}: ${strategically ? conversionProblem(detail) : detail}`;
    throw new StatusError("Invalid", ` "" is invalid: patch: ${message}`, {
      causes: [{ reason: "FieldValueInvalid", message, field: "patch" }],
    });
  }
}

/** Objects that were merged in memory fail in other words. Source: apimachinery's runtime.DefaultUnstructuredConverter. */
function conversionProblem(detail: string): string {
  const match = /^json: cannot unmarshal (\w+)(?: [\d.]+)? into Go struct field \S+ of type (\S+)$/.exec(detail);
  if (!match) return detail;
  const [, given = "", wanted = ""] = match;
  const is = { object: "map", array: "slice", number: "int64" }[given] ?? given;
  if (wanted.startsWith("[]")) return `cannot restore slice from ${is}`;
  if (wanted.startsWith("map")) return `cannot restore map from ${is}`;
  return `cannot convert ${is} to ${wanted}`;
}

function checkIdentity(call: Call, patched: KubeObject): void {
  const { metadata } = patched ?? {};
  if (typeof metadata !== "object" || metadata === null) return;
  if (metadata.name !== undefined) checkName(metadata.name, call.info.name);
  if (metadata.namespace !== undefined) placeInNamespace(call, patched);
}

export interface Patcher {
  /** The patch itself. */
  value: unknown;
  applyTo(old: unknown): unknown;
  duplicates: string[];
}

/** Understands the patch in a request's body. Throws UnsupportedMediaType, BadRequest. */
export function readPatch({ request, kind }: Call, type: string): Patcher {
  const accepted = kind.custom ? [json, merge, applyYaml] : [json, merge, strategic, applyYaml];
  if (!kind.custom && !accepted.includes(type)) {
    throw new StatusError("UnsupportedMediaType", "415: Unsupported Media Type", {});
  }
  if (!accepted.includes(type)) {
    throw new StatusError(
      "UnsupportedMediaType",
      `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
    );
  }
  const { value, duplicates } = parsePatch(request.body ?? new Uint8Array(), type);
  if (type === json) return { duplicates, value, applyTo: (old) => runJsonPatch(old, value) };
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const is = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
    throw undecoded(type, `json: cannot unmarshal ${is} into Go value of type map[string]interface {}`);
  }
  if (type === merge) return { duplicates, value, applyTo: (old) => applyMergePatch(old, value) };
  return { duplicates, value, applyTo: (old) => applyStrategicMerge(old, structuredClone(value), kind.schema) };
}

function parsePatch(body: Uint8Array, type: string): Body {
  const text = new TextDecoder().decode(body);
  const problem = /^\s*[[{]/.test(text) ? undefined : goJsonError(text);
  if (problem) throw undecoded(type, problem);
  try {
    return parseJson(text);
  } catch (thrown) {
    const why = isReason(thrown, "BadRequest") ? goJsonError(text) : undefined;
    throw why ? undecoded(type, why) : thrown;
  }
}

const undecoded = (type: string, problem: string) =>
  new StatusError("BadRequest", type === strategic ? problem : `error decoding patch: ${problem}`);

function runJsonPatch(old: unknown, operations: unknown): unknown {
  return applyJsonPatch(old, structuredClone(operations));
}

/** Whether an object is absent, so that an apply creates it. */
export function isAbsent(thrown: unknown): boolean {
  return isReason(thrown, "NotFound");
}

export type { KubeObject };
