// Reading of configuration files: every field is known, or refused by its path.

/** Bytes of a configuration. */
const configLimit = 1024 * 1024;

export type Fields = Record<string, unknown>;

/** @param what names the file in errors */
export function parseJson(text: string, what: string): Fields {
  if (text.length > configLimit) throw new Error(`${what}: it is larger than configLimit (${configLimit} bytes)`);
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw new Error(`${what}: it is no JSON: ${(error as Error).message}`, { cause: error });
  }
  return fieldsOf(read, what);
}

/** @param known the fields that there are; absent: any */
export function fieldsOf(value: unknown, path: string, known?: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${path}: must be an object`);
  const foreign = known && Object.keys(value).find((name) => !known.includes(name));
  if (foreign) throw new Error(`${path}.${foreign}: is not supported; known are ${known.join(", ")}`);
  return value as Fields;
}

export function textOf(fields: Fields, name: string, path: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw new Error(`${path}.${name}: must be a string`);
  return value;
}

export function textsOf(fields: Fields, name: string, path: string): string[] {
  const value = fields[name] ?? [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
    throw new Error(`${path}.${name}: must be a list of strings`);
  }
  return value as string[];
}

export function flagOf(fields: Fields, name: string, path: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== "boolean") throw new Error(`${path}.${name}: must be true or false`);
  return value;
}

export function numberOf(fields: Fields, name: string, path: string): number | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) throw new Error(`${path}.${name}: must be a whole number`);
  return value;
}
