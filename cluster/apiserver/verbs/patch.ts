import { applyJsonPatch, applyMergePatch, isReason, type KubeObject, StatusError } from "@capstan/api/meta";
import { applyStrategicMerge } from "@capstan/api/schema";
import { checkSize, mediaTypeOf, parseJson } from "../body.ts";
import type { Written } from "../objects.ts";
import { apply } from "./apply.ts";
import { type Call, type Core, managerOf } from "./call.ts";
import { decodeObject, dryRunOf, fieldValidationOf } from "./decode.ts";
import { change } from "./update.ts";

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
  const validation = fieldValidationOf(info.query);
  return change(core, call, {
    dryRun: dryRunOf(info.query.getAll("dryRun")),
    manager: managerOf(call),
    subresource: info.subresource,
    next(old) {
      const patched = patcher.applyTo(old);
      const warn = (message: string) => void call.warnings.push(message);
      const options = { validation, duplicates: patcher.duplicates, warn };
      return decodeObject(patched, call.kind, options);
    },
  });
}

export interface Patcher {
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
  const { value, duplicates } = parseJson(new TextDecoder().decode(request.body ?? new Uint8Array()));
  if (type === json) return { duplicates, applyTo: (old) => runJsonPatch(old, value) };
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new StatusError("BadRequest", "a merge patch must be an object");
  }
  if (type === merge) return { duplicates, applyTo: (old) => applyMergePatch(old, value) };
  return { duplicates, applyTo: (old) => applyStrategicMerge(old, structuredClone(value), kind.schema) };
}

function runJsonPatch(old: unknown, operations: unknown): unknown {
  return applyJsonPatch(old, structuredClone(operations));
}

/** Whether an object is absent, so that an apply creates it. */
export function isAbsent(thrown: unknown): boolean {
  return isReason(thrown, "NotFound");
}

export type { KubeObject };
