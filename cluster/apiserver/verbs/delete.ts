import type { DeleteOptions } from "@capstan/api/generated/meta-v1";
import { goJsonError, isReason, type KubeObject, StatusError } from "@capstan/api/meta";
import { builtinSchema, normalize, TypeMismatch } from "@capstan/api/schema";
import type { StoreRecord } from "@capstan/core/store";
import { mediaTypeOf, readBody } from "../body.ts";
import { conflict, FieldErrors } from "../field-errors.ts";
import type { Kind } from "../kind.ts";
import { timeNow } from "../metadata.ts";
import type { Written } from "../objects.ts";
import { admit, attributesOf, type Call, type Core, refOf, validateAdmission } from "./call.ts";
import { dryRunOf } from "./decode.ts";
import { integerOf } from "./list-options.ts";
import { hasSpecFinalizers } from "./update.ts";
import { checkDryRun } from "./write-options.ts";

/** How a delete ended: the object is gone, or waits for its finalizers or its grace. */
export interface Deletion extends Written {
  gone: boolean;
  /** Waits because the client asked for its dependents to go too, in the older way. */
  accepted?: boolean;
}

export async function remove(core: Core, call: Call): Promise<Deletion> {
  const options = await readDeleteOptions(call);
  const { orphans } = call.kind.rules;
  const says = options.propagationPolicy !== undefined || options.orphanDependents !== undefined;
  if (orphans?.warning && !says) call.warnings.push(orphans.warning);
  const deletion = await removeOne(core, call, options);
  return options.orphanDependents === false ? Object.assign(deletion, { accepted: true }) : deletion;
}

const typeName = "meta/v1.DeleteOptions";

/** Reads DeleteOptions from the body and the query. Throws BadRequest, Invalid, Unknown. */
export async function readDeleteOptions(call: Call): Promise<DeleteOptions> {
  const { query } = call.info;
  const value = await readBodyOf(call);
  const options = (value ?? {}) as DeleteOptions;
  const { kind = "DeleteOptions", apiVersion = "v1" } = options;
  if (kind !== "DeleteOptions") {
    const version = `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`;
    throw new StatusError("Unknown", `${version} in scheme "pkg/runtime/scheme.go:110"`);
  }
  try {
    normalize(options, builtinSchema(typeName));
  } catch (thrown) {
    if (thrown instanceof TypeMismatch) throw new StatusError("Unknown", thrown.message);
    throw thrown;
  }
  // A body stands for all: the query counts without one alone.
  if (value === undefined) {
    const grace = query.get("gracePeriodSeconds");
    if (grace) options.gracePeriodSeconds = integerOf(grace);
    const policy = query.get("propagationPolicy");
    if (policy !== null) options.propagationPolicy = policy;
    const orphan = query.get("orphanDependents");
    if (orphan !== null) options.orphanDependents = orphan === "true" || orphan === "1";
    options.dryRun = query.getAll("dryRun");
  }
  checkDeleteOptions(options);
  return options;
}

async function readBodyOf({ request }: Call): Promise<unknown> {
  const { body } = request;
  if (body?.length && mediaTypeOf(request) === "application/json") {
    const problem = body[0] === 0x7b ? goJsonError(new TextDecoder().decode(body)) : undefined;
    if (problem) throw new StatusError("Unknown", `couldn't get version/kind; json parse error: ${problem}`);
  }
  const { value } = await readBody(request);
  if (value !== undefined && (typeof value !== "object" || value === null || Array.isArray(value))) {
    throw new StatusError("BadRequest", "the body of a delete must be DeleteOptions");
  }
  return value;
}

function checkDeleteOptions(options: DeleteOptions): void {
  const errors = new FieldErrors();
  const { propagationPolicy: policy, orphanDependents } = options;
  if (policy !== undefined && orphanDependents !== undefined) {
    errors.invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set");
  }
  const policies = ["Foreground", "Background", "Orphan"];
  if (policy !== undefined && !policies.includes(policy)) {
    errors.notSupported("propagationPolicy", policy, [...policies, "nil"]);
  }
  checkDryRun(options.dryRun ?? [], errors);
  errors.throwFor({ group: "meta.k8s.io", kind: "DeleteOptions" }, "");
}

/** More attempts than this against a busy object answer Conflict. */
const attempts = 8;

/** Deletes one object, or marks it as being deleted. Throws NotFound, Conflict and what admission throws. */
export async function removeOne(core: Core, call: Call, options: DeleteOptions): Promise<Deletion> {
  const { kind } = call;
  const ref = refOf(call);
  for (let attempt = 1; ; attempt++) {
    const present = await core.objects.served(kind, core.objects.require(kind, ref));
    const old = core.objects.read(kind, present);
    checkPreconditions(kind, old, options);
    const dryRun = dryRunOf(options.dryRun ?? []);
    const given = options as Record<string, unknown>;
    const attributes = attributesOf(call, "DELETE", { oldObject: old, name: ref.name }, dryRun, given);
    await admit(core, attributes);
    await validateAdmission(core, attributes);
    const refusal = kind.rules.refuseDelete?.(old);
    if (refusal) throw refusal;
    try {
      return await finish(core, kind, present, old, options, dryRun);
    } catch (thrown) {
      if (!isReason(thrown, "Conflict") || attempt === attempts || options.preconditions?.resourceVersion) throw thrown;
    }
  }
}

async function finish(
  core: Core,
  kind: Kind,
  present: StoreRecord,
  old: KubeObject,
  options: DeleteOptions,
  dryRun: boolean,
): Promise<Deletion> {
  const next = core.objects.read(kind, present);
  const done = markDeleting(kind, next, old, options);
  if (done === "unchanged") return Object.assign(core.objects.unchanged(kind, present), { gone: false });
  if (dryRun) return { ...core.objects.unwritten(kind, next), gone: done === "gone" };
  if (done === "gone") return { ...(await core.objects.remove(kind, next, present.revision)), gone: true };
  return { ...(await core.objects.replace(kind, next, present.revision)), gone: false };
}

function checkPreconditions(kind: Kind, old: KubeObject, { preconditions }: DeleteOptions): void {
  const { name, uid, resourceVersion } = old.metadata;
  // Here, and here alone, a conflict names the kind.
  const refuse = (detail: string) => conflict({ group: kind.group, resource: kind.kind }, name, detail);
  if (preconditions?.uid && preconditions.uid !== uid) {
    throw refuse(
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    throw refuse(
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

const foreground = "foregroundDeletion";
const orphan = "orphan";

/** Sets finalizers by propagation, and the deletion time and grace. Source: apiserver's rest.BeforeDelete and Store.Delete. */
function markDeleting(
  kind: Kind,
  next: KubeObject,
  old: KubeObject,
  options: DeleteOptions,
): "gone" | "waiting" | "unchanged" {
  const { metadata } = next;
  const finalizers = wantedFinalizers(kind, metadata.finalizers ?? [], options);
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  const finalizersMoved = finalizers.join() !== (old.metadata.finalizers ?? []).join();
  const grace = Math.max(0, kind.rules.grace?.(old, options.gracePeriodSeconds) ?? 0);
  if (old.metadata.deletionTimestamp) {
    const before = old.metadata.deletionGracePeriodSeconds ?? 0;
    const shorter = grace < before;
    if (shorter) setDeletion(metadata, grace, new Date(old.metadata.deletionTimestamp).getTime() - before * 1000);
    if ((shorter || before === 0) && grace === 0 && finalizers.length === 0 && !hasSpecFinalizers(next)) return "gone";
    return shorter || finalizersMoved ? "waiting" : "unchanged";
  }
  const gone = grace === 0 && finalizers.length === 0 && !hasSpecFinalizers(next);
  // What has grace is marked before it goes; everything else goes as it is.
  if (metadata.generation !== undefined && (!gone || kind.rules.grace)) metadata.generation++;
  if (!gone || kind.rules.grace) setDeletion(metadata, grace, Date.now());
  if (gone) return "gone";
  if (hasSpecFinalizers(next)) delete metadata.deletionGracePeriodSeconds;
  if (kind.group === "" && kind.resource === "namespaces") Object.assign(next, { status: { phase: "Terminating" } });
  return "waiting";
}

function setDeletion(metadata: KubeObject["metadata"], grace: number, since: number): void {
  metadata.deletionTimestamp =
    grace === 0 ? timeNow() : `${new Date(since + grace * 1000).toISOString().slice(0, 19)}Z`;
  metadata.deletionGracePeriodSeconds = grace;
}

function wantedFinalizers(kind: Kind, present: readonly string[], options: DeleteOptions): string[] {
  const policy =
    options.propagationPolicy ??
    (options.orphanDependents === undefined ? undefined : options.orphanDependents ? "Orphan" : "Background");
  if (policy === undefined) {
    const chosen = present.includes(foreground) || present.includes(orphan);
    return kind.rules.orphans && !chosen ? [...present, orphan] : [...present];
  }
  const others = present.filter((finalizer) => finalizer !== foreground && finalizer !== orphan);
  if (policy === "Foreground") return [...others, foreground];
  return policy === "Orphan" ? [...others, orphan] : others;
}
