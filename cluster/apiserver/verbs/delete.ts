import type { DeleteOptions } from "@capstan/api/generated/meta-v1";
import { isReason, type KubeObject, StatusError } from "@capstan/api/meta";
import { builtinSchema, normalize, TypeMismatch } from "@capstan/api/schema";
import type { StoreRecord } from "@capstan/core/store";
import { readBody } from "../body.ts";
import { conflict } from "../field-errors.ts";
import type { Kind } from "../kind.ts";
import { timeNow } from "../metadata.ts";
import type { Written } from "../objects.ts";
import { admit, attributesOf, type Call, type Core, refOf, validateAdmission } from "./call.ts";
import { dryRunOf } from "./decode.ts";
import { hasSpecFinalizers } from "./update.ts";

/** How a delete ended: the object is gone, or waits for its finalizers or its grace. */
export interface Deletion extends Written {
  gone: boolean;
}

export async function remove(core: Core, call: Call): Promise<Deletion> {
  const options = await readDeleteOptions(call);
  return removeOne(core, call, options);
}

/** Reads DeleteOptions from the body and the query. Throws BadRequest, Invalid. */
export async function readDeleteOptions({ request, info }: Call): Promise<DeleteOptions> {
  const { value } = await readBody(request);
  const options = (value ?? {}) as DeleteOptions;
  if (typeof options !== "object" || Array.isArray(options)) {
    throw new StatusError("BadRequest", "the body of a delete must be DeleteOptions");
  }
  try {
    normalize(options, builtinSchema("meta/v1.DeleteOptions"));
  } catch (thrown) {
    if (thrown instanceof TypeMismatch) throw new StatusError("BadRequest", thrown.message);
    throw thrown;
  }
  const { query } = info;
  const grace = query.get("gracePeriodSeconds");
  if (grace !== null && options.gracePeriodSeconds === undefined) options.gracePeriodSeconds = Number(grace);
  options.propagationPolicy ??= query.get("propagationPolicy") ?? undefined;
  const orphan = query.get("orphanDependents");
  if (orphan !== null) options.orphanDependents ??= orphan === "true";
  options.dryRun ??= query.getAll("dryRun");
  checkDeleteOptions(options);
  return options;
}

function checkDeleteOptions(options: DeleteOptions): void {
  const refuse = (detail: string) => new StatusError("Invalid", `DeleteOptions.meta.k8s.io "" is invalid: ${detail}`);
  const { propagationPolicy: policy, orphanDependents, gracePeriodSeconds: grace } = options;
  if (policy !== undefined && !["Background", "Foreground", "Orphan"].includes(policy)) {
    throw refuse(
      `propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: "Background", "Foreground", "Orphan"`,
    );
  }
  if (policy !== undefined && orphanDependents !== undefined) {
    throw refuse("propagationPolicy: Invalid value: orphanDependents and deletionPropagation cannot be both set");
  }
  if (grace !== undefined && !Number.isInteger(grace))
    throw refuse("gracePeriodSeconds: Invalid value: must be an integer");
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
  if (preconditions?.uid && preconditions.uid !== uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
    );
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    throw conflict(
      kind,
      name,
      `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
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
  const finalizers = wantedFinalizers(metadata.finalizers ?? [], options);
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
  if (grace === 0 && finalizers.length === 0 && !hasSpecFinalizers(next)) {
    setDeletion(metadata, 0, Date.now());
    return "gone";
  }
  setDeletion(metadata, grace, Date.now());
  if (metadata.generation !== undefined) metadata.generation++;
  if (kind.group === "" && kind.resource === "namespaces") Object.assign(next, { status: { phase: "Terminating" } });
  return "waiting";
}

function setDeletion(metadata: KubeObject["metadata"], grace: number, since: number): void {
  metadata.deletionTimestamp =
    grace === 0 ? timeNow() : `${new Date(since + grace * 1000).toISOString().slice(0, 19)}Z`;
  metadata.deletionGracePeriodSeconds = grace;
}

function wantedFinalizers(present: readonly string[], options: DeleteOptions): string[] {
  const policy =
    options.propagationPolicy ??
    (options.orphanDependents === undefined ? undefined : options.orphanDependents ? "Orphan" : "Background");
  if (policy === undefined) return [...present];
  const others = present.filter((finalizer) => finalizer !== foreground && finalizer !== orphan);
  if (policy === "Foreground") return [...others, foreground];
  return policy === "Orphan" ? [...others, orphan] : others;
}
