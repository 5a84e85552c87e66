import { type KubeObject, keyOf, type ObjectRef, refOf } from "@capstan/api/meta";
import { deferred } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Informer, InformerHandler } from "./informer.ts";

interface Index<T> {
  values: (object: T) => string[];
  objects: Map<string, Map<string, T>>;
}
interface Waiter {
  ready: () => boolean;
  resolve: () => void;
}
type Change<T> = Parameters<InformerHandler<T>>[0];

/** An informer's copy: whoever watches the server calls replace() and apply(). */
export class Cache<T extends KubeObject> implements Informer<T> {
  readonly #objects = new Map<string, T>();
  readonly #namespaces = new Map<string, Map<string, T>>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #waiters = new Set<Waiter>();
  readonly #synced = deferred();
  readonly #log: Logger;
  #version = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  get(ref: ObjectRef): T | undefined {
    return this.#objects.get(keyOf(ref));
  }

  list(namespace?: string): T[] {
    const among = namespace === undefined ? this.#objects : this.#namespaces.get(namespace);
    return among ? [...among.values()] : [];
  }

  byIndex(index: string, value: string): T[] {
    const known = this.#indexes.get(index);
    if (!known) throw new Error(`there is no index "${index}": it has to be added first`);
    return [...(known.objects.get(value)?.values() ?? [])];
  }

  addIndex(name: string, values: (object: T) => string[]): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { values, objects: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects)
      for (const value of values(object)) put(index.objects, value, key, object);
  }

  onChange(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#objects.values()) this.#tell(handler, { type: "ADDED", object });
    return () => this.#handlers.delete(handler);
  }

  synced(): Promise<void> {
    return this.#synced.promise;
  }

  until(resourceVersion: string | undefined, signal: AbortSignal): Promise<void> {
    const wanted = Number(resourceVersion ?? 0);
    return this.#wait(() => this.#version >= wanted, signal);
  }

  when(ref: ObjectRef, wanted: (object: T | undefined) => boolean, signal: AbortSignal): Promise<void> {
    const key = keyOf(ref);
    return this.#wait(() => wanted(this.#objects.get(key)), signal);
  }

  /** The whole state at a version: what is missing from it was deleted. */
  replace(objects: Iterable<T>, resourceVersion: string): void {
    const present = new Map<string, T>();
    for (const object of objects) present.set(keyOf(refOf(object)), object);
    for (const [key, old] of this.#objects) if (!present.has(key)) this.#set(key, undefined, old);
    for (const object of present.values()) this.#put(object);
    this.#reach(resourceVersion);
    this.#synced.resolve();
    this.#wake();
  }

  apply(type: Change<T>["type"], object: T): void {
    if (type === "DELETED") {
      const key = keyOf(refOf(object));
      if (this.#objects.has(key)) this.#set(key, undefined, object);
    } else this.#put(object);
    this.reached(object.metadata.resourceVersion);
  }

  /** Everything up to this version has been applied. */
  reached(resourceVersion: string | undefined): void {
    this.#reach(resourceVersion);
    this.#wake();
  }

  #reach(resourceVersion: string | undefined): void {
    const version = Number(resourceVersion);
    if (version > this.#version) this.#version = version;
  }

  #put(object: T): void {
    const key = keyOf(refOf(object));
    const old = this.#objects.get(key);
    if (old && old.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#set(key, object, old);
  }

  /** @param old for deletions the last state. */
  #set(key: string, object: T | undefined, old: T | undefined): void {
    const before = this.#objects.get(key);
    const namespace = (object ?? before)?.metadata.namespace ?? "";
    for (const { values, objects } of this.#indexes.values()) {
      if (before) for (const value of values(before)) remove(objects, value, key);
      if (object) for (const value of values(object)) put(objects, value, key, object);
    }
    if (object) {
      this.#objects.set(key, object);
      put(this.#namespaces, namespace, key, object);
      this.#announce(old ? { type: "MODIFIED", object, old } : { type: "ADDED", object });
    } else if (before) {
      this.#objects.delete(key);
      remove(this.#namespaces, namespace, key);
      this.#announce({ type: "DELETED", object: old ?? before, old: before });
    }
  }

  #announce(change: Change<T>): void {
    for (const handler of this.#handlers) this.#tell(handler, change);
  }

  #tell(handler: InformerHandler<T>, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#log.error("a handler of the informer failed", { error, object: keyOf(refOf(change.object)) });
    }
  }

  #wait(ready: () => boolean, signal: AbortSignal): Promise<void> {
    if (ready() || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter: Waiter = {
        ready,
        resolve: () => {
          this.#waiters.delete(waiter);
          signal.removeEventListener("abort", waiter.resolve);
          resolve();
        },
      };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", waiter.resolve, { once: true });
    });
  }

  #wake(): void {
    for (const waiter of this.#waiters) if (waiter.ready()) waiter.resolve();
  }
}

function put<T>(index: Map<string, Map<string, T>>, value: string, key: string, object: T): void {
  const among = index.get(value);
  if (among) among.set(key, object);
  else index.set(value, new Map([[key, object]]));
}

function remove<T>(index: Map<string, Map<string, T>>, value: string, key: string): void {
  const among = index.get(value);
  among?.delete(key);
  if (among?.size === 0) index.delete(value);
}
