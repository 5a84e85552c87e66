import type { OwnerReference } from "@capstan/api/generated/meta-v1";
import { isReason, type ObjectRef, refOf } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import type { MetadataChange, MetadataStore } from "../metadata/index.ts";
import { blocks, Graph, hasFinalizer, isDeleting, isForeground, isOrphaning, type Node, ownersOf } from "./graph.ts";

interface Shop {
  workshop: Workshop;
  metadata: MetadataStore;
  graph: Graph;
  enqueue(uid: string): void;
}

/** Keys are uids; in this namespace they stand for objects whose dependents are to be let go. */
const orphaning = "orphan";

/**
 * Deletes objects all of whose owners are gone (Background), before an owner that waits for it (Foreground), or takes
 * the reference off instead (Orphan). Source: pkg/controller/garbagecollector.
 */
export function createGarbageCollector(context: ControllerContext & { metadata: MetadataStore }): Controller {
  const workshop = openWorkshop(context, "garbage-collector-controller");
  const { metadata } = context;
  const shop: Shop = { workshop, metadata, graph: new Graph(), enqueue: (uid) => controller.enqueue({ name: uid }) };
  const controller = createController({
    name: "garbage-collector-controller",
    informers: context.informers,
    log: workshop.log,
    workers: 16,
    sources: [],
    async reconcile({ namespace, name: uid }: ObjectRef) {
      const node = shop.graph.get(uid);
      if (!node) return;
      if (namespace === orphaning) await orphanDependents(shop, node);
      else await collect(shop, node);
    },
  });
  return {
    ...controller,
    async start(signal) {
      metadata.onChange((change) => {
        shop.graph.apply(change);
        wake(shop, change, (uid) => controller.enqueue({ namespace: orphaning, name: uid }));
      });
      // Before all kinds are known, an owner that is not found may only be not copied yet.
      await Promise.race([metadata.synced(), new Promise((resolve) => signal.addEventListener("abort", resolve))]);
      await controller.start(signal);
    },
  };
}

function wake({ graph, enqueue }: Shop, { type, object, old }: MetadataChange, orphan: (uid: string) => void): void {
  const { uid = "" } = object.metadata;
  if (type === "DELETED") {
    for (const dependent of graph.dependents(uid)) enqueue(dependent.object.metadata.uid ?? "");
    for (const owner of ownersOf(object)) enqueue(owner.uid);
    return;
  }
  if (isOrphaning(object)) orphan(uid);
  if (isForeground(object)) {
    enqueue(uid);
    for (const dependent of graph.dependents(uid)) enqueue(dependent.object.metadata.uid ?? "");
  }
  if (ownersOf(object).length > 0 && !isDeleting(object)) {
    const lost = ownersOf(object).some((owner) => {
      const node = graph.get(owner.uid);
      return !node || isForeground(node.object);
    });
    if (lost) enqueue(uid);
  }
  // An owner may have waited for a reference that is no longer there or no longer blocks.
  for (const owner of old ? ownersOf(old) : []) enqueue(owner.uid);
}

async function collect(shop: Shop, node: Node): Promise<void> {
  const { graph } = shop;
  const { object } = node;
  const { uid = "" } = object.metadata;
  if (isForeground(object)) return finishForeground(shop, node);
  if (isDeleting(object) || ownersOf(object).length === 0) return;
  const owners = await classify(shop, node);
  if (owners.unknown.length > 0) return reportUnknown(shop, node, owners.unknown);
  if (owners.solid.length > 0) {
    if (owners.absent.length + owners.waiting.length > 0) await setOwners(shop, node, owners.solid);
    return;
  }
  const dependents = graph.dependents(uid);
  if (owners.waiting.length > 0 && dependents.length > 0) {
    // In a cycle of owners nobody would ever be first.
    if (dependents.some((dependent) => isForeground(dependent.object))) {
      await setOwners(
        shop,
        node,
        ownersOf(object).map((owner) => ({ ...owner, blockOwnerDeletion: false })),
      );
    }
    return remove(shop, node, "Foreground");
  }
  const policy = hasFinalizer(object, "orphan")
    ? "Orphan"
    : hasFinalizer(object, "foregroundDeletion")
      ? "Foreground"
      : "Background";
  return remove(shop, node, policy);
}

/** Lets an owner go when no dependent blocks it any more; wakes those that do. */
async function finishForeground(shop: Shop, node: Node): Promise<void> {
  const { uid = "" } = node.object.metadata;
  const blocking = shop.graph.dependents(uid).filter((dependent) => blocks(dependent.object, uid));
  for (const { object } of blocking) if (!isDeleting(object)) shop.enqueue(object.metadata.uid ?? "");
  if (blocking.length === 0) await dropFinalizer(shop, node, "foregroundDeletion");
}

async function orphanDependents(shop: Shop, node: Node): Promise<void> {
  const { uid = "" } = node.object.metadata;
  if (!isOrphaning(node.object)) return;
  await Promise.all(
    shop.graph.dependents(uid).map((dependent) => {
      const others = ownersOf(dependent.object).filter((owner) => owner.uid !== uid);
      return setOwners(shop, dependent, others);
    }),
  );
  await dropFinalizer(shop, node, "orphan");
}

interface Owners {
  /** Keep the object. */
  solid: OwnerReference[];
  absent: OwnerReference[];
  /** Wait for the object to go. */
  waiting: OwnerReference[];
  /** Of kinds that are not served, or in no namespace: whether they exist cannot be said. */
  unknown: OwnerReference[];
}

async function classify({ graph, metadata, workshop }: Shop, { kind, object }: Node): Promise<Owners> {
  const owners: Owners = { solid: [], absent: [], waiting: [], unknown: [] };
  for (const owner of ownersOf(object)) {
    let found = graph.get(owner.uid)?.object;
    if (!found) {
      const of = metadata.find(owner.apiVersion, owner.kind);
      if (!of || (of.resource.namespaced && !kind.resource.namespaced)) {
        owners.unknown.push(owner);
        continue;
      }
      const ref = of.resource.namespaced ? { ...refOf(object), name: owner.name } : { name: owner.name };
      const live = await workshop.client.find(of.resource, ref);
      if (live?.metadata.uid === owner.uid) found = live;
    }
    if (!found) owners.absent.push(owner);
    else if (isForeground(found)) owners.waiting.push(owner);
    else owners.solid.push(owner);
  }
  return owners;
}

function reportUnknown({ workshop }: Shop, { kind, object }: Node, owners: OwnerReference[]): void {
  for (const { apiVersion, kind: ownerKind, name, uid } of owners) {
    const invalid = !kind.resource.namespaced;
    const reference = `ownerRef [${apiVersion}/${ownerKind}, namespace: ${object.metadata.namespace ?? ""}, name: ${name}, uid: ${uid}]`;
    if (invalid) {
      workshop.recorder.warning(object, "OwnerRefInvalidNamespace", `${reference} does not exist in namespace ""`);
    } else workshop.log.debug("an owner is of a kind that is not served", { reference, name: object.metadata.name });
  }
}

async function setOwners({ workshop }: Shop, { kind, object }: Node, owners: OwnerReference[]): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const ownerReferences = owners.length > 0 ? owners : null;
  await tolerateGone(() => {
    const body = { metadata: { uid, resourceVersion, ownerReferences } };
    return workshop.client.patch(kind.resource, refOf(object), { type: "merge", body });
  });
}

async function dropFinalizer({ workshop }: Shop, { kind, object }: Node, finalizer: string): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const rest = object.metadata.finalizers?.filter((each) => each !== finalizer) ?? [];
  await tolerateGone(() => {
    const body = { metadata: { uid, resourceVersion, finalizers: rest.length > 0 ? rest : null } };
    return workshop.client.patch(kind.resource, refOf(object), { type: "merge", body });
  });
}

async function remove(
  { workshop }: Shop,
  { kind, object }: Node,
  propagationPolicy: "Background" | "Foreground" | "Orphan",
): Promise<void> {
  const { uid = "" } = object.metadata;
  await tolerateGone(() => {
    return workshop.client.delete(kind.resource, refOf(object), { propagationPolicy, preconditions: { uid } });
  });
}

async function tolerateGone(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
  }
}
