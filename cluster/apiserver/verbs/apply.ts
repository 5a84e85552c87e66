import { isReason, StatusError } from "@capstan/api/meta";
import { parseYamlOrJson } from "../body.ts";
import { conflict } from "../field-errors.ts";
import { applyFields } from "../managed-fields/index.ts";
import type { Written } from "../objects.ts";
import { type Call, type Core, refOf } from "./call.ts";
import { createObject, placeInNamespace } from "./create.ts";
import { decodeObject, dryRunOf, fieldValidationOf } from "./decode.ts";
import { change } from "./update.ts";

/** Server-side apply: PATCH with application/apply-patch+yaml. */
export async function apply(core: Core, call: Call): Promise<Written & { created?: boolean }> {
  const { kind, info, request } = call;
  const manager = info.query.get("fieldManager");
  if (!manager) {
    throw new StatusError(
      "BadRequest",
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  }
  const validation = fieldValidationOf(info.query);
  const dryRun = dryRunOf(info.query.getAll("dryRun"));
  const { value, duplicates } = await parseYamlOrJson(request.body ?? new Uint8Array());
  const warn = (message: string) => void call.warnings.push(message);
  const applied = decodeObject(value, kind, { validation, duplicates, warn, partial: true });
  checkApplied(call, applied);
  const by = { manager, subresource: info.subresource, force: info.query.get("force") === "true" };
  const exists = core.objects.find(kind, refOf(call)) !== undefined;
  if (!exists && info.subresource === "") {
    if (applied.metadata.uid)
      throw conflict(
        kind,
        info.name,
        "uid mismatch: the provided object specified uid and there is no existing object",
      );
    try {
      const object = applyFields(kind, undefined, applied, by);
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
      if (resourceVersion) merged.metadata.resourceVersion = resourceVersion;
      else delete merged.metadata.resourceVersion;
      return merged;
    },
  });
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
