import type { KubeObject, ObjectRef, Resource } from "@capstan/api/meta";

export interface InformerHandler<T> {
  /** `old` is absent for new objects, `object` is the last state of deleted ones. */
  (change: { type: "ADDED" | "MODIFIED" | "DELETED"; object: T; old?: T }): void;
}

/** A live, read-only copy of a kind. Objects in it are shared: never mutate them, structuredClone before a change. */
export interface Informer<T extends KubeObject = KubeObject> {
  get(ref: ObjectRef): T | undefined;
  list(namespace?: string): T[];
  /** Objects for which the index function gave `value`. */
  byIndex(index: string, value: string): T[];
  /** Adds an index before or after start. */
  addIndex(name: string, values: (object: T) => string[]): void;
  /** Present objects are replayed as ADDED. Returns the way to stop. */
  onChange(handler: InformerHandler<T>): () => void;
  /** Resolves when the first list has arrived. */
  synced(): Promise<void>;
}

/** One informer a kind, shared by all controllers of a process, each started when first asked for. */
export interface Informers {
  informer<T extends KubeObject>(resource: Resource<T>): Informer<T>;
}
