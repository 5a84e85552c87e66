import type { OwnerReference } from "@capstan/api/generated/meta-v1";
import type { KubeObject } from "@capstan/api/meta";
import type { DiscoveredKind, MetadataChange } from "../metadata/index.ts";

export interface Node {
  kind: DiscoveredKind;
  object: KubeObject;
}

/** Who owns whom, by uid, over all kinds. */
export class Graph {
  readonly #nodes = new Map<string, Node>();
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): Node | undefined {
    return this.#nodes.get(uid);
  }

  dependents(uid: string): Node[] {
    const nodes = [...(this.#dependents.get(uid) ?? [])].map((dependent) => this.#nodes.get(dependent));
    return nodes.filter((node) => node !== undefined);
  }

  apply({ type, kind, object, old }: MetadataChange): void {
    const { uid = "" } = object.metadata;
    const before = this.#nodes.get(uid)?.object ?? old;
    for (const owner of before ? ownersOf(before) : []) this.#unlink(owner.uid, uid);
    if (type === "DELETED") {
      this.#nodes.delete(uid);
      return;
    }
    this.#nodes.set(uid, { kind, object });
    for (const owner of ownersOf(object)) {
      const among = this.#dependents.get(owner.uid);
      if (among) among.add(uid);
      else this.#dependents.set(owner.uid, new Set([uid]));
    }
  }

  #unlink(owner: string, uid: string): void {
    const among = this.#dependents.get(owner);
    among?.delete(uid);
    if (among?.size === 0) this.#dependents.delete(owner);
  }
}

export function ownersOf(object: KubeObject): OwnerReference[] {
  return object.metadata.ownerReferences ?? [];
}

export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Waits for its blocking dependents to go first. */
export function isForeground(object: KubeObject): boolean {
  return isDeleting(object) && hasFinalizer(object, "foregroundDeletion");
}

/** Wants its dependents to be let go. */
export function isOrphaning(object: KubeObject): boolean {
  return isDeleting(object) && hasFinalizer(object, "orphan");
}

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/** Whether the owner has to wait for this dependent. */
export function blocks(dependent: KubeObject, owner: string): boolean {
  return ownersOf(dependent).some(({ uid, blockOwnerDeletion }) => uid === owner && blockOwnerDeletion === true);
}
