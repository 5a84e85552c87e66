// Objects of kinds in the store: keys, the served and the stored form, revisions.
import { alreadyExists, apiVersionOf, type KubeObject, notFound, type ObjectRef, StatusError } from "@capstan/api/meta";
import type { Encoded, ListAnswer, Store, StoreRecord } from "@capstan/core/store";
import { isStoreError } from "@capstan/core/store";
import { conflict, staleMessage } from "./field-errors.ts";
import type { Kind } from "./kind.ts";
import { metaOf, type ObjectMeta } from "./object-meta.ts";

/** An object as it is answered. `bytes` is its JSON in the served version. */
export interface Written {
  object: KubeObject;
  bytes: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const encodeObject = (object: unknown): Uint8Array => encoder.encode(JSON.stringify(object));

export function keyOf(kind: Kind, { namespace, name }: ObjectRef): string {
  return kind.namespaced ? `${kind.prefix}${namespace}/${name}` : kind.prefix + name;
}

/** Prefix of a collection: of all namespaces when none is given. */
export function prefixOf(kind: Kind, namespace = ""): string {
  return kind.namespaced && namespace !== "" ? `${kind.prefix}${namespace}/` : kind.prefix;
}

/** Whether stored bytes can be served as they are. */
export const isServedAsStored = (kind: Kind): boolean => !kind.convert && apiVersionOf(kind) === kind.storedVersion;

/** Parses stored bytes into the served form. The caller owns what it gets. */
export function parseServed(kind: Kind, bytes: Uint8Array): KubeObject {
  const object = JSON.parse(decoder.decode(bytes)) as KubeObject;
  if (kind.convert) return kind.convert.fromStored(object);
  object.apiVersion = apiVersionOf(kind);
  return object;
}

/** Stored bytes as the served version shows them. */
export function servedBytes(kind: Kind, bytes: Uint8Array): Uint8Array {
  return isServedAsStored(kind) ? bytes : encodeObject(parseServed(kind, bytes));
}

/** Typed access to the store. Throws StatusErrors. */
export interface Objects {
  readonly store: Store;
  find(kind: Kind, ref: ObjectRef): StoreRecord | undefined;
  /** Throws NotFound. */
  require(kind: Kind, ref: ObjectRef): StoreRecord;
  /** The object in the served form, for the caller to keep. */
  read(kind: Kind, record: StoreRecord): KubeObject;
  list(kind: Kind, namespace: string, filter?: (meta: ObjectMeta, key: string) => boolean): ListAnswer;
  create(kind: Kind, object: KubeObject): Promise<Written>;
  /** Conflict unless `revision` is still the newest. */
  replace(kind: Kind, object: KubeObject, revision: number): Promise<Written>;
  remove(kind: Kind, object: KubeObject, revision: number): Promise<Written>;
  /** What a dry run answers. */
  unwritten(kind: Kind, object: KubeObject): Written;
  /** What a write without effect answers. */
  unchanged(kind: Kind, record: StoreRecord): Written;
  /** Throws AlreadyExists. */
  requireAbsent(kind: Kind, object: KubeObject): void;
}

export function createObjects(store: Store): Objects {
  const refOf = ({ metadata }: KubeObject): ObjectRef => ({ name: metadata.name, namespace: metadata.namespace ?? "" });
  const encode = (kind: Kind, object: KubeObject, revision: number): Encoded => {
    object.metadata.resourceVersion = String(revision);
    const stored = toStored(kind, object);
    return { bytes: encodeObject(stored), meta: metaOf(kind, stored) };
  };
  const written = (kind: Kind, object: KubeObject, record: { bytes: Uint8Array }): Written => ({
    object,
    bytes: servedBytes(kind, record.bytes),
  });
  const write = async (kind: Kind, object: KubeObject, run: () => Promise<Written>) => {
    try {
      return await run();
    } catch (thrown) {
      throw translate(kind, object.metadata.name, thrown);
    }
  };
  const objects: Objects = {
    store,
    find: (kind, ref) => store.get(keyOf(kind, ref)),
    require(kind, ref) {
      const record = objects.find(kind, ref);
      if (!record) throw notFound(kind, ref.name);
      return record;
    },
    read: (kind, record) => parseServed(kind, record.bytes),
    list(kind, namespace, filter) {
      const query = filter ? { filter: filter as (meta: unknown, key: string) => boolean } : {};
      return store.list(prefixOf(kind, namespace), query);
    },
    create: (kind, object) =>
      write(kind, object, async () => {
        const record = await store.create(keyOf(kind, refOf(object)), (revision) => encode(kind, object, revision));
        kind.rules.stored?.(object);
        return written(kind, object, record);
      }),
    replace: (kind, object, expected) =>
      write(kind, object, async () => {
        const key = keyOf(kind, refOf(object));
        const record = await store.update(key, expected, (revision) => encode(kind, object, revision));
        kind.rules.stored?.(object);
        return written(kind, object, record);
      }),
    remove: (kind, object, expected) =>
      write(kind, object, async () => {
        let last: Encoded = { bytes: new Uint8Array() };
        await store.delete(keyOf(kind, refOf(object)), expected, (revision) => {
          last = encode(kind, object, revision);
          return last;
        });
        kind.rules.deleted?.(object);
        return written(kind, object, last);
      }),
    unwritten: (_kind, object) => ({ object, bytes: encodeObject(object) }),
    unchanged: (kind, record) => new Read(kind, record.bytes),
    requireAbsent(kind, object) {
      if (objects.find(kind, refOf(object))) throw alreadyExists(kind, object.metadata.name);
    },
  };
  return objects;
}

/** What was read: parsed only for the forms that need it. */
class Read implements Written {
  readonly bytes: Uint8Array;
  readonly #kind: Kind;
  readonly #stored: Uint8Array;

  constructor(kind: Kind, stored: Uint8Array) {
    this.#kind = kind;
    this.#stored = stored;
    this.bytes = servedBytes(kind, stored);
  }

  get object(): KubeObject {
    return parseServed(this.#kind, this.#stored);
  }
}

function toStored(kind: Kind, object: KubeObject): KubeObject {
  if (kind.convert) return kind.convert.toStored(object);
  return apiVersionOf(kind) === kind.storedVersion ? object : { ...object, apiVersion: kind.storedVersion };
}

function translate(kind: Kind, name: string, thrown: unknown): unknown {
  if (isStoreError(thrown, "Exists")) return alreadyExists(kind, name);
  if (isStoreError(thrown, "NotFound")) return notFound(kind, name);
  if (isStoreError(thrown, "Conflict")) return conflict(kind, name, staleMessage);
  if (isStoreError(thrown, "TooLarge")) return new StatusError("RequestEntityTooLarge", thrown.message);
  if (isStoreError(thrown, "InvalidKey")) return new StatusError("BadRequest", thrown.message);
  if (isStoreError(thrown, "Full", "Corrupted", "ReadOnly", "Closed")) {
    return new StatusError("ServiceUnavailable", `the store refuses writes: ${thrown.message}`);
  }
  return thrown;
}
