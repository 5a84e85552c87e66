import { apiVersionOf, isReason, type KubeObject, StatusError } from "@capstan/api/meta";
import { normalize } from "@capstan/api/schema";
import { type Body, parseYamlOrJson } from "../body.ts";
import { conflict } from "../field-errors.ts";
import { applyFields, checkTyped } from "../managed-fields/index.ts";
import type { Written } from "../objects.ts";
import { type Call, type Core, refOf } from "./call.ts";
import { createObject, placeInNamespace } from "./create.ts";
import { decodeObject } from "./decode.ts";
import { change } from "./update.ts";
import { writeOptionsOf } from "./write-options.ts";

/** Server-side apply: PATCH with application/apply-patch+yaml. */
export async function apply(core: Core, call: Call): Promise<Written & { created?: boolean }> {
  const { kind, info, request } = call;
  const { dryRun, validation, force } = writeOptionsOf(call, "PatchOptions", true);
  const manager = info.query.get("fieldManager") ?? "";
  const { value, duplicates } = await readApplied(request.body ?? new Uint8Array());
  checkType(call, value);
  checkTyped(kind, value as KubeObject);
  const warn = (message: string) => void call.warnings.push(message);
  const applied = decodeObject(value, kind, { validation, duplicates, warn, partial: true });
  checkApplied(call, applied);
  const by = { manager, subresource: info.subresource, force };
  const exists = core.objects.find(kind, refOf(call)) !== undefined;
  if (!exists && info.subresource === "") {
    if (applied.metadata.uid)
      throw conflict(
        kind,
        info.name,
        `uid mismatch: the provided object specified uid ${applied.metadata.uid}, and no existing object was found`,
      );
    try {
      const object = applyFields(kind, undefined, applied, by);
      if (kind.schema.type) normalize(object, kind.schema);
      return { ...(await createObject(core, call, object, { dryRun, manager: "" })), created: true };
    } catch (thrown) {
      if (!isReason(thrown, "AlreadyExists")) throw thrown;
    }
  }
  const { resourceVersion } = applied.metadata;
  return change(core, call, {
    dryRun,
    manager: "",
    subresource: info.subresource,
    next(old) {
      const merged = applyFields(kind, old, structuredClone(applied), by);
      // What was taken away leaves nothing behind.
      if (kind.schema.type) normalize(merged, kind.schema);
      if (resourceVersion) merged.metadata.resourceVersion = resourceVersion;
      else delete merged.metadata.resourceVersion;
      return merged;
    },
  });
}

/** Throws BadRequest. */
async function readApplied(body: Uint8Array): Promise<Body> {
  const read = await parseYamlOrJson(body);
  if (typeof read.value === "object" && !Array.isArray(read.value)) return { ...read, value: read.value ?? {} };
  const is = Array.isArray(read.value) ? "array" : typeof read.value;
  const detail = `json: cannot unmarshal ${is} into Go value of type map[string]interface {}`;
  throw new StatusError("BadRequest", `error decoding YAML: error unmarshaling JSON: while decoding JSON: ${detail}`);
}

/** An applied configuration says what it is. */
export function checkType(
  call: Call,
  value: unknown,
  wanted: { group: string; version: string; kind: string } = call.kind,
): void {
  const { apiVersion = "", kind = "" } = value as Partial<KubeObject>;
  if (apiVersion === apiVersionOf(wanted) && kind === wanted.kind) return;
  const version = apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
  throw new StatusError("BadRequest", `invalid object type: ${version}, Kind=${kind}`);
}

function checkApplied(call: Call, applied: Parameters<typeof placeInNamespace>[1]): void {
  if (applied.metadata.managedFields) throw new StatusError("BadRequest", "metadata.managedFields must be nil");
  applied.metadata.name ||= call.info.name;
  if (applied.metadata.name !== call.info.name) {
    throw new StatusError(
      "BadRequest",
      `the name of the object (${applied.metadata.name}) does not match the name on the URL (${call.info.name})`,
    );
  }
  placeInNamespace(call, applied);
}
