import { nearest } from "@capstan/base/errors";

/** The fields of one object of a settings file; whatever has another type is refused by its path. */
export interface Reader {
  text(field: string): string | undefined;
  texts(field: string): string[];
  flag(field: string): boolean | undefined;
  /** One word or a list of words, each of them known. */
  choices<const T extends string>(field: string, known: readonly T[]): T[];
  /** A list's items, with their paths. */
  objects(field: string): [value: unknown, path: string][];
}

/** @param path what errors start with. @param fields all that may be there. */
export function createReader(value: unknown, path: string, fields: readonly string[]): Reader {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${path}: must be an object`);
  }
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    if (fields.includes(key)) continue;
    const near = nearest(key, [...fields]);
    throw new Error(`${path}.${key}: unknown field${near ? `, did you mean ${near}?` : ""}`);
  }
  const list = (field: string): unknown[] => {
    const found = object[field] ?? [];
    if (!Array.isArray(found)) throw new Error(`${path}.${field}: must be a list`);
    return found;
  };
  const reader: Reader = {
    text(field) {
      const found = object[field];
      if (found === undefined || typeof found === "string") return found;
      throw new Error(`${path}.${field}: must be a string`);
    },
    texts(field) {
      const found = list(field);
      if (found.every((item) => typeof item === "string")) return found;
      throw new Error(`${path}.${field}: must be a list of strings`);
    },
    flag(field) {
      const found = object[field];
      if (found === undefined || typeof found === "boolean") return found;
      throw new Error(`${path}.${field}: must be true or false`);
    },
    choices(field, known) {
      const found = typeof object[field] === "string" ? [object[field]] : reader.texts(field);
      for (const word of found) {
        if (!known.some((one) => one === word)) {
          throw new Error(`${path}.${field}: "${word}" is not one of ${known.join(", ")}`);
        }
      }
      return found as (typeof known)[number][];
    },
    objects: (field) => list(field).map((item, index) => [item, `${path}.${field}[${index}]`]),
  };
  return reader;
}
