import { equal, isReason, type KubeObject, type ObjectRef, StatusError } from "@capstan/api/meta";
import { readBody } from "../body.ts";
import { conflict, FieldErrors, staleMessage } from "../field-errors.ts";
import { moveGeneration } from "../generation.ts";
import { recordUpdate } from "../managed-fields/index.ts";
import { validateMetadata, validateMetadataUpdate } from "../metadata.ts";
import type { Written } from "../objects.ts";
import { admit, attributesOf, type Call, type Core, managerOf, refOf, settle, validateAdmission } from "./call.ts";
import { createObject, placeInNamespace } from "./create.ts";
import { decodeObject } from "./decode.ts";
import { keepOtherParts, keepSystemMetadata } from "./parts.ts";
import { writeOptionsOf } from "./write-options.ts";

export async function update(core: Core, call: Call): Promise<Written & { created?: boolean }> {
  const { kind, info } = call;
  const { dryRun, validation } = writeOptionsOf(call, "UpdateOptions");
  const { value, duplicates } = await readBody(call.request, kind.kind);
  const warn = (message: string) => void call.warnings.push(message);
  const object = decodeObject(value, kind, { validation, duplicates, warn });
  placeInNamespace(call, object);
  checkName(object.metadata.name, info.name);
  const manager = managerOf(call);
  if (kind.custom && !object.metadata.resourceVersion) {
    const errors = new FieldErrors();
    errors.invalid("metadata.resourceVersion", 0, "must be specified for an update");
    errors.throwFor(kind, info.name);
  }
  if (createdByUpdate.has(`${kind.group}/${kind.resource}`) && !core.objects.find(kind, refOf(call))) {
    if (info.subresource === "" && !object.metadata.resourceVersion) {
      return { ...(await createObject(core, call, object, { dryRun, manager })), created: true };
    }
  }
  return change(core, call, {
    dryRun,
    manager,
    subresource: info.subresource,
    next: () => structuredClone(object),
  });
}

/** Throws BadRequest unless the body names what the path names. */
export function checkName(given: string | undefined, wanted: string): void {
  if (given === wanted) return;
  throw new StatusError(
    "BadRequest",
    given
      ? `the name of the object (${given}) does not match the name on the URL (${wanted})`
      : `the name of the object (${wanted} based on URL) was undeterminable: name must be provided`,
  );
}

/** Kinds that a PUT may create. Source: upstream's strategies whose AllowCreateOnUpdate is true. */
const createdByUpdate = new Set([
  "/endpoints",
  "/events",
  "/limitranges",
  "/podtemplates",
  "/services",
  "coordination.k8s.io/leases",
  "rbac.authorization.k8s.io/clusterrolebindings",
  "rbac.authorization.k8s.io/clusterroles",
  "rbac.authorization.k8s.io/rolebindings",
  "rbac.authorization.k8s.io/roles",
]);

export interface Change {
  dryRun: boolean;
  /** Recorded as the owner of changed fields; "" when `next` has recorded owners itself. */
  manager: string;
  subresource: string;
  /** Makes the new object; `old` is its own copy. Called again after each conflict. */
  next(old: KubeObject): KubeObject | Promise<KubeObject>;
  /** Subresources whose object is another kind's: skips status and spec rules of the resource. */
  operationKind?: { group: string; version: string; kind: string };
  ref?: ObjectRef;
}

/** Reads and writes that meet another writer are tried this often again. Source: apiserver's MaxRetryWhenPatchConflicts. */
const conflictRetries = 5;

/** Replaces an object by what `next` makes of it. Throws NotFound, Conflict, Invalid and what admission throws. */
export async function change(core: Core, call: Call, wanted: Change): Promise<Written> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await changeOnce(core, call, wanted);
    } catch (thrown) {
      if (attempt >= conflictRetries || !isReason(thrown, "Conflict") || !(thrown instanceof LostRace)) throw thrown;
    }
  }
}

/** Another writer came between read and write. Trying again ends at checkPreconditions when the caller named a version. */
export class LostRace extends StatusError {}

async function changeOnce(core: Core, call: Call, wanted: Change): Promise<Written> {
  const { kind } = call;
  const { rules } = kind;
  const ref = wanted.ref ?? refOf(call);
  const present = await core.objects.served(kind, core.objects.require(kind, ref));
  const old = core.objects.read(kind, present);
  const object = await wanted.next(core.objects.read(kind, present));
  checkPreconditions(call, object, old);
  keepSystemMetadata(object, old);
  rules.defaults?.(object);
  keepOtherParts(call, wanted.subresource, object, old);
  const { subresource, dryRun } = wanted;
  // What admission and the server itself add belongs to nobody.
  if (wanted.manager) recordUpdate(kind, object, old, { manager: wanted.manager, subresource });
  const names = {
    object,
    oldObject: old,
    name: ref.name,
    ...(wanted.operationKind ? { kind: wanted.operationKind } : {}),
  };
  const attributes = attributesOf(call, "UPDATE", names, wanted.dryRun);
  await admit(core, attributes);
  rules.prepare?.(object, old, { principal: call.principal, subresource, dryRun });
  moveGeneration(kind, object, old, subresource);
  try {
    const errors = new FieldErrors();
    validateMetadata(kind, object, errors);
    validateMetadataUpdate(object, old, errors);
    // Upstream's built-in kinds look once more.
    if (!kind.custom) validateMetadataUpdate(object, old, errors);
    call.warnings.push(...(kind.custom?.validate(object, old, errors) ?? []));
    rules.validate?.(object, errors, old, subresource);
    errors.throwFor(kind, ref.name);
    call.warnings.push(...(rules.warnings?.(object, old) ?? []));
    await validateAdmission(core, attributes);
    if (isSame(object, old)) return core.objects.unchanged(kind, present);
    if (dryRun) {
      rules.release?.(object, old);
      return core.objects.unwritten(kind, object);
    }
    if (isComplete(object)) return await core.objects.remove(kind, object, present.revision);
    const written = await core.objects.replace(kind, object, present.revision);
    rules.written?.(object, old);
    return written;
  } catch (thrown) {
    rules.release?.(object, old);
    if (isReason(thrown, "Conflict") && thrown.message.endsWith(staleMessage)) {
      throw new LostRace("Conflict", thrown.message, thrown.details);
    }
    throw thrown;
  } finally {
    settle(core, attributes);
  }
}

function checkPreconditions({ kind, info }: Call, object: KubeObject, old: KubeObject): void {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  if (uid && uid !== old.metadata.uid && info.verb === "update") {
    throw conflict(
      kind,
      name,
      `StorageError: invalid object, Code: 4, Key: ${["/registry", kind.resource, namespace, name].filter(Boolean).join("/")}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  }
  if (resourceVersion && !/^\d{1,20}$/.test(resourceVersion)) {
    throw new StatusError("Unknown", `strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`);
  }
  if (resourceVersion && resourceVersion !== "0" && resourceVersion !== old.metadata.resourceVersion)
    throw conflict(kind, name, staleMessage);
}

function isSame(object: KubeObject, old: KubeObject): boolean {
  return equal(object, old);
}

/** A deleting object without finalizers and grace is gone. */
export function isComplete(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  return Boolean(deletionTimestamp) && !finalizers?.length && !deletionGracePeriodSeconds && !hasSpecFinalizers(object);
}

/** A namespace also waits for the finalizers in its spec. */
export function hasSpecFinalizers(object: KubeObject): boolean {
  if (object.kind !== "Namespace" || object.apiVersion !== "v1") return false;
  const { spec } = object as KubeObject & { spec?: { finalizers?: string[] } };
  return (spec?.finalizers?.length ?? 0) > 0;
}
