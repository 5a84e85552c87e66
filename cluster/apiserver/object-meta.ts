import { type KubeObject, matches, type Selector, StatusError } from "@capstan/api/meta";
import type { Kind } from "./kind.ts";

/** What the store keeps of an object in memory, so that selectors read no bytes. Short names: there is one for every object. */
export interface ObjectMeta {
  /** Labels. */
  l?: Record<string, string>;
  /** Selectable fields by name; absent ones have the kind's usual value, or none. */
  f?: Record<string, string>;
}

export function metaOf(kind: Kind, object: KubeObject): ObjectMeta {
  const meta: ObjectMeta = {};
  if (object.metadata.labels) meta.l = object.metadata.labels;
  // A custom kind's selectable fields change with its definition and differ between its versions: they are read when asked.
  if (kind.custom) return meta;
  const { fields, usualFields = {} } = kind.rules;
  for (const [name, read] of Object.entries(fields ?? {})) {
    const value = read(object);
    if (value === (usualFields[name] ?? "")) continue;
    meta.f ??= {};
    meta.f[name] = value;
  }
  return meta;
}

/** The names under which a selector's fields are kept. Throws BadRequest for a field that the kind cannot select by. */
export function checkSelector(kind: Kind, { labels, fields }: Selector): Selector {
  const { fields: own, fieldNames } = kind.rules;
  const known = (field: string): string | undefined => {
    if (field === "metadata.name" || (field === "metadata.namespace" && (kind.namespaced || !own))) return field;
    const name = fieldNames ? fieldNames[field] : field;
    return name !== undefined && own && Object.hasOwn(own, name) ? name : undefined;
  };
  const kept = fields.map((wanted) => {
    const field = known(wanted.field);
    if (field !== undefined) return { ...wanted, field };
    throw new StatusError(
      "BadRequest",
      own || kind.custom
        ? `field label not supported: ${wanted.field}`
        : `"${wanted.field}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  });
  return { labels, fields: kept };
}

/** What a selector asks of a custom kind's own fields: undefined when nothing. */
export function ownFieldsFilter(kind: Kind, { fields }: Selector): ((object: KubeObject) => boolean) | undefined {
  const own = kind.custom ? fields.filter(({ field }) => !field.startsWith("metadata.")) : [];
  if (own.length === 0) return undefined;
  return (object) =>
    own.every(({ field, equal, value }) => ((kind.rules.fields?.[field]?.(object) ?? "") === value) === equal);
}

/** The part of a selector that the store's metadata answer. */
export function keptPart(kind: Kind, { labels, fields }: Selector): Selector {
  return { labels, fields: kind.custom ? fields.filter(({ field }) => field.startsWith("metadata.")) : fields };
}

/** Whether an object is selected. `key` is the store's: it ends with the name, before it the namespace. */
export type Filter = (meta: ObjectMeta, key: string) => boolean;

/** Makes a selector a function, the quickest for what is asked most: one label. */
export function compileSelector(kind: Kind, { labels, fields }: Selector): Filter {
  const [only] = labels;
  if (labels.length === 1 && fields.length === 0 && only?.operator === "In" && only.values.length === 1) {
    const { key: label } = only;
    const [value] = only.values;
    return (meta) => meta.l !== undefined && meta.l[label] === value;
  }
  const usual = kind.rules.usualFields ?? {};
  return (meta, key) => {
    if (labels.length > 0 && !matches(labels, meta.l)) return false;
    for (const { field, equal, value } of fields) {
      if ((readField(meta, key, field, usual) === value) !== equal) return false;
    }
    return true;
  };
}

function readField(meta: ObjectMeta, key: string, field: string, usual: Readonly<Record<string, string>>): string {
  if (field === "metadata.name") return key.slice(key.lastIndexOf("/") + 1);
  if (field === "metadata.namespace") {
    const end = key.lastIndexOf("/");
    return key.slice(key.lastIndexOf("/", end - 1) + 1, end);
  }
  return meta.f?.[field] ?? usual[field] ?? "";
}
