import { isReason, type KubeObject, StatusError } from "@capstan/api/meta";
import { emptyOf, type StructSchema } from "@capstan/api/schema";
import { readBody } from "../body.ts";
import { FieldErrors } from "../field-errors.ts";
import { countsGenerations } from "../generation.ts";
import type { Kind } from "../kind.ts";
import { recordUpdate } from "../managed-fields/index.ts";
import { generateName, timeNow, validateMetadata } from "../metadata.ts";
import type { Written } from "../objects.ts";
import { admit, attributesOf, type Call, type Core, managerOf, settle, validateAdmission } from "./call.ts";
import { decodeObject } from "./decode.ts";
import { writeOptionsOf } from "./write-options.ts";

type WithStatus = KubeObject & { status?: unknown };

/** Tries this often to find a free generated name. Source: apiserver's maxNameGenerationCreateAttempts. */
const nameAttempts = 8;

export async function create(core: Core, call: Call): Promise<Written> {
  const { kind } = call;
  const { dryRun, validation } = writeOptionsOf(call, "CreateOptions");
  const { value, duplicates } = await readBody(call.request, kind.kind);
  const warn = (message: string) => void call.warnings.push(message);
  const object = decodeObject(value, kind, { validation, duplicates, warn });
  return createObject(core, call, object, { dryRun, manager: managerOf(call) });
}

export interface CreateOptions {
  dryRun: boolean;
  /** Recorded as the owner of the fields; "" when the caller has recorded owners itself. */
  manager: string;
}

/** Creates a decoded object: also the end of an apply to what does not exist. */
export async function createObject(
  core: Core,
  call: Call,
  object: KubeObject,
  options: CreateOptions,
): Promise<Written> {
  const { kind } = call;
  placeInNamespace(call, object);
  object.metadata.name ??= "";
  if (core.isTerminating(kind)) {
    throw new StatusError("MethodNotAllowed", "create not allowed while custom resource definition is terminating");
  }
  if (object.metadata.resourceVersion && call.info.verb === "create") {
    throw new StatusError("Unknown", "resourceVersion should not be set on objects to be created");
  }
  delete object.metadata.resourceVersion;
  const base = object.metadata.name ? undefined : object.metadata.generateName;
  for (let attempt = 1; ; attempt++) {
    const next = base && attempt < nameAttempts ? structuredClone(object) : object;
    if (base) next.metadata.name = generateName(base);
    try {
      return await createOnce(core, call, next, options);
    } catch (thrown) {
      if (!base || attempt === nameAttempts || !isReason(thrown, "AlreadyExists")) throw thrown;
      core.log.debug("generated name is taken", { kind: kind.kind, name: next.metadata.name });
    }
  }
}

async function createOnce(core: Core, call: Call, object: KubeObject, options: CreateOptions): Promise<Written> {
  const { kind } = call;
  const { rules } = kind;
  fillMetadata(kind, object);
  rules.defaults?.(object);
  if (kind.statusSubresource && !rules.statusOnCreate) resetStatus(kind, object);
  // What admission and the server itself add belongs to nobody.
  if (options.manager) recordUpdate(kind, object, undefined, { manager: options.manager, subresource: "" });
  const attributes = attributesOf(call, "CREATE", { object, name: object.metadata.name }, options.dryRun);
  await admit(core, attributes);
  if (core.admission.length > 0) rules.defaults?.(object);
  if (kind.statusSubresource && !rules.statusOnCreate) resetStatus(kind, object);
  rules.prepare?.(object, undefined, { principal: call.principal, subresource: "", dryRun: options.dryRun });
  try {
    const errors = new FieldErrors();
    validateMetadata(kind, object, errors);
    call.warnings.push(...(kind.custom?.validate(object, undefined, errors) ?? []));
    rules.validate?.(object, errors, undefined, "");
    errors.throwFor(kind, object.metadata.name ?? "");
    call.warnings.push(...(rules.warnings?.(object) ?? []));
    await validateAdmission(core, attributes);
    if (options.dryRun) {
      core.objects.requireAbsent(kind, object);
      rules.release?.(object);
      return core.objects.unwritten(kind, object);
    }
    return await core.objects.create(kind, object);
  } catch (thrown) {
    rules.release?.(object);
    throw thrown;
  } finally {
    settle(core, attributes);
  }
}

/** A built-in kind's empty status is still there. */
function resetStatus({ schema }: Kind, object: KubeObject): void {
  if (schema.held.includes("status")) (object as WithStatus).status = emptyOf(schema.field("status") as StructSchema);
  else delete (object as WithStatus).status;
}

function fillMetadata(kind: Kind, object: KubeObject): void {
  const { metadata } = object;
  metadata.uid = crypto.randomUUID();
  metadata.creationTimestamp = timeNow();
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  if (countsGenerations(kind)) metadata.generation = 1;
}

/** Throws BadRequest when the object names another namespace than the path. */
export function placeInNamespace({ kind, info }: Call, object: KubeObject): void {
  const { metadata } = object;
  if (!kind.namespaced) {
    delete metadata.namespace;
    return;
  }
  metadata.namespace ||= info.namespace;
  if (metadata.namespace === info.namespace && info.namespace !== "") return;
  if (info.namespace === "")
    throw new StatusError("BadRequest", "an object of this kind is created in a namespace: name it in the path");
  throw new StatusError(
    "BadRequest",
    "the namespace of the provided object does not match the namespace sent on the request",
  );
}
