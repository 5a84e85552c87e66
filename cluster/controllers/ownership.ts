import type { LabelSelector, OwnerReference } from "@capstan/api/generated/meta-v1";
import {
  apiVersionOf,
  isReason,
  type KubeObject,
  type ObjectRef,
  type Resource,
  refOf,
  selects,
} from "@capstan/api/meta";
import type { Informer } from "@capstan/core/reconcile";
import type { Workshop } from "./context.ts";

/** Index of objects by the uid of their controller; "" holds those without one, by namespace after a slash. */
export const byController = "controller";

export function indexByController<T extends KubeObject>(informer: Informer<T>): Informer<T> {
  informer.addIndex(byController, (object) => [controllerOf(object)?.uid ?? `/${object.metadata.namespace ?? ""}`]);
  return informer;
}

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller);
}

export function controllerReference(resource: Resource, owner: KubeObject): OwnerReference {
  const { name, uid = "" } = owner.metadata;
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The controller of an object when it is of this kind. */
export function controllerKey(resource: Resource, object: KubeObject): ObjectRef | undefined {
  const owner = controllerOf(object);
  if (!owner || owner.kind !== resource.kind || !owner.apiVersion.startsWith(resource.group)) return undefined;
  return { namespace: object.metadata.namespace ?? "", name: owner.name };
}

interface Claimer<T extends KubeObject> {
  owner: KubeObject & { spec: { selector?: LabelSelector } };
  ownerResource: Resource;
  resource: Resource<T>;
  informer: Informer<T>;
  workshop: Workshop;
}

/** The objects that an owner controls: adopts orphans that its selector matches, lets go those it no longer does. */
export async function claim<T extends KubeObject>(claimer: Claimer<T>, signal: AbortSignal): Promise<T[]> {
  const { owner, informer } = claimer;
  const { uid = "", namespace = "", deletionTimestamp } = owner.metadata;
  const { selector } = owner.spec;
  const claimed: T[] = [];
  for (const object of informer.byIndex(byController, uid)) {
    if (selects(selector, object.metadata.labels)) claimed.push(object);
    else if (!deletionTimestamp) await release(claimer, object, signal);
  }
  if (deletionTimestamp) return claimed;
  for (const object of informer.byIndex(byController, `/${namespace}`)) {
    if (object.metadata.deletionTimestamp || !selects(selector, object.metadata.labels)) continue;
    const adopted = await adopt(claimer, object, signal);
    if (adopted) claimed.push(adopted);
  }
  return claimed;
}

async function adopt<T extends KubeObject>(
  claimer: Claimer<T>,
  object: T,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { owner, ownerResource, resource, informer, workshop } = claimer;
  const reference = controllerReference(ownerResource, owner);
  const ownerReferences = [...(object.metadata.ownerReferences ?? []), reference];
  const body = { metadata: { uid: object.metadata.uid, ownerReferences } };
  return written(informer, signal, () => workshop.client.patch(resource, refOf(object), { type: "merge", body }));
}

async function release<T extends KubeObject>(claimer: Claimer<T>, object: T, signal: AbortSignal): Promise<void> {
  const { owner, resource, informer, workshop } = claimer;
  const ownerReferences = object.metadata.ownerReferences?.filter(({ uid }) => uid !== owner.metadata.uid);
  const body = { metadata: { uid: object.metadata.uid, ownerReferences } };
  await written(informer, signal, () => workshop.client.patch(resource, refOf(object), { type: "merge", body }));
}

/** Writes, and waits for the copy to have it; undefined when the object is gone. */
async function written<T extends KubeObject>(
  informer: Informer<T>,
  signal: AbortSignal,
  write: () => Promise<T>,
): Promise<T | undefined> {
  try {
    const object = await write();
    await informer.until(object.metadata.resourceVersion, signal);
    return object;
  } catch (error) {
    if (isReason(error, "NotFound")) return undefined;
    throw error;
  }
}
