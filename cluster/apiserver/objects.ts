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

/** Throws where a damaged store cannot tell what is under a key or a prefix: nothing would be a wrong answer. */
export function requireReadable({ damage }: Store, prefix: string): void {
  if (damage.length === 0) return;
  const end = prefix.endsWith("/") ? `${prefix.slice(0, -1)}0` : `${prefix}\u0000`;
  const found = damage.filter(({ from, to }) => from < end && prefix < to);
  if (found.length === 0) return;
  const some = found.slice(0, 5).map(({ why }) => why);
  const more = found.length > some.length ? `; and ${found.length - some.length} more` : "";
  const way = "what can be read is read by name, or in a namespace that is not touched";
  throw new StatusError("InternalError", `the store is damaged here: ${some.join("; ")}${more}; ${way}`);
}

/** Prefix of a collection: of all namespaces when none is given. */
export function prefixOf(kind: Kind, namespace = ""): string {
  return kind.namespaced && namespace !== "" ? `${kind.prefix}${namespace}/` : kind.prefix;
}

/** Whether stored bytes can be served as they are. */
const isServedAsStored = (kind: Kind, bytes: Uint8Array): boolean =>
  kind.mixed ? startsWith(bytes, headOf(kind)) : !kind.convert && apiVersionOf(kind) === kind.storedVersion;

/** How the bytes of an object begin when its version stands first, as most clients write it. */
const heads = new WeakMap<Kind, Uint8Array>();
function headOf(kind: Kind): Uint8Array {
  let head = heads.get(kind);
  if (!head) {
    head = encoder.encode(`{"apiVersion":${JSON.stringify(apiVersionOf(kind))},`);
    heads.set(kind, head);
  }
  return head;
}

const startsWith = (bytes: Uint8Array, head: Uint8Array): boolean => head.every((byte, i) => bytes[i] === byte);

/**
 * Parses stored bytes into the served form. The caller owns what it gets. Where a webhook converts, the bytes must be
 * those of Objects.served.
 */
export function parseServed(kind: Kind, bytes: Uint8Array): KubeObject {
  const object = JSON.parse(decoder.decode(bytes)) as KubeObject;
  if (kind.convert) return kind.convert.fromStored(object);
  const version = apiVersionOf(kind);
  if (kind.converter && object.apiVersion !== version) {
    const text = `${kind.kind} ${object.metadata.name} is stored as ${object.apiVersion}: only requests of the API convert it to ${version} by webhook`;
    throw new StatusError("InternalError", text);
  }
  object.apiVersion = version;
  return object;
}

/** Stored bytes as the served version shows them. Where a webhook converts, the bytes must be those of Objects.served. */
export function servedBytes(kind: Kind, bytes: Uint8Array): Uint8Array {
  return isServedAsStored(kind, bytes) ? bytes : encodeObject(parseServed(kind, bytes));
}

/** Values whose bytes are of the served version, after one question to the webhook where one converts. */
export async function convertServed<T extends { bytes: Uint8Array }>(kind: Kind, values: readonly T[]): Promise<T[]> {
  const { converter } = kind;
  if (!converter) return [...values];
  const objects = values.map(({ bytes }) => JSON.parse(decoder.decode(bytes)) as KubeObject);
  const served = await converter(objects, apiVersionOf(kind));
  return values.map((value, i) => (served[i] === objects[i] ? value : { ...value, bytes: encodeObject(served[i]) }));
}

/** Typed access to the store. Throws StatusErrors. */
export interface Objects {
  readonly store: Store;
  find(kind: Kind, ref: ObjectRef): StoreRecord | undefined;
  /** Throws NotFound. */
  require(kind: Kind, ref: ObjectRef): StoreRecord;
  /** The record with the bytes of the served version: other methods take it as the stored one. */
  served(kind: Kind, record: StoreRecord): StoreRecord | Promise<StoreRecord>;
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
  /** A webhook is asked before the store is: `converted` is its answer. */
  const encode = (kind: Kind, object: KubeObject, revision: number, converted?: KubeObject): Encoded => {
    object.metadata.resourceVersion = String(revision);
    if (converted) converted.metadata.resourceVersion = String(revision);
    const stored = converted ?? toStored(kind, object);
    return { bytes: encodeObject(stored), meta: metaOf(kind, stored) };
  };
  const convertToStored = async (kind: Kind, object: KubeObject): Promise<KubeObject | undefined> =>
    kind.converter && (await kind.converter([structuredClone(object)], kind.storedVersion))[0];
  const written = (kind: Kind, object: KubeObject, record: { bytes: Uint8Array }): Written => ({
    object,
    bytes: kind.converter ? encodeObject(object) : servedBytes(kind, record.bytes),
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
    find(kind, ref) {
      const key = keyOf(kind, ref);
      const record = store.get(key);
      if (!record) requireReadable(store, key);
      return record;
    },
    require(kind, ref) {
      const record = objects.find(kind, ref);
      if (!record) throw notFound(kind, ref.name);
      return record;
    },
    served(kind, record) {
      if (!kind.converter) return record;
      return convertServed(kind, [record]).then(([served = record]) => served);
    },
    read: (kind, record) => parseServed(kind, record.bytes),
    list(kind, namespace, filter) {
      const query = filter ? { filter: filter as (meta: unknown, key: string) => boolean } : {};
      return store.list(prefixOf(kind, namespace), query);
    },
    create: (kind, object) =>
      write(kind, object, async () => {
        const converted = await convertToStored(kind, object);
        const key = keyOf(kind, refOf(object));
        const record = await store.create(key, (revision) => encode(kind, object, revision, converted));
        kind.rules.stored?.(object);
        return written(kind, object, record);
      }),
    replace: (kind, object, expected) =>
      write(kind, object, async () => {
        const converted = await convertToStored(kind, object);
        const key = keyOf(kind, refOf(object));
        const record = await store.update(key, expected, (revision) => encode(kind, object, revision, converted));
        kind.rules.stored?.(object);
        return written(kind, object, record);
      }),
    remove: (kind, object, expected) =>
      write(kind, object, async () => {
        const converted = await convertToStored(kind, object);
        let last: Encoded = { bytes: new Uint8Array() };
        await store.delete(keyOf(kind, refOf(object)), expected, (revision) => {
          last = encode(kind, object, revision, converted);
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

/** An object of one version of its kind in another; the argument stays as it is. */
export async function convertBetween(from: Kind, to: Kind, object: KubeObject): Promise<KubeObject> {
  const copy = structuredClone(object);
  if (to.converter) return (await to.converter([copy], apiVersionOf(to)))[0] ?? copy;
  const stored = toStored(from, copy);
  return to.convert ? to.convert.fromStored(stored) : { ...stored, apiVersion: apiVersionOf(to), kind: to.kind };
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
