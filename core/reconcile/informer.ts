import type { KubeObject, ObjectRef, Resource } from "@capstan/api/meta";

/** `old` is absent for new objects, `object` is the last state of deleted ones. */
export type InformerHandler<T> = (change: { type: "ADDED" | "MODIFIED" | "DELETED"; object: T; old?: T }) => void;

/** A live, read-only copy of a kind. Objects in it are shared: never mutate them, structuredClone before a change. */
export interface Informer<T extends KubeObject = KubeObject> {
  get(ref: ObjectRef): T | undefined;
  list(namespace?: string): T[];
  /** Objects for which the index function gave `value`. */
  byIndex(index: string, value: string): T[];
  /** Adds an index before or after start; a name that is known keeps its first function. */
  addIndex(name: string, values: (object: T) => string[]): void;
  /** Present objects are replayed as ADDED. Returns the way to stop. */
  onChange(handler: InformerHandler<T>): () => void;
  /** Resolves when the first list has arrived. */
  synced(): Promise<void>;
  /**
   * Resolves when the copy has reached a version, such as that of an object one has just written: reading it again then
   * sees that write. Resolves too when the signal aborts.
   */
  until(resourceVersion: string | undefined, signal: AbortSignal): Promise<void>;
  /** Resolves when the object (undefined while absent) is as wanted, at once if it is already, or the signal aborts. */
  when(ref: ObjectRef, wanted: (object: T | undefined) => boolean, signal: AbortSignal): Promise<void>;
}

/** One informer a kind, shared by all controllers of a process. */
export interface Informers {
  /** Watching begins when the first caller asks, once the set is started. */
  informer<T extends KubeObject>(resource: Resource<T>): Informer<T>;
  /** Lets the informers watch until the signal aborts; resolves when all have ended. */
  start(signal: AbortSignal): Promise<void>;
}
