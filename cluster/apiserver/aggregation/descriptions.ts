// What the servers behind APIServices say of themselves in OpenAPI, as part of what this one says.
// Source: kube-aggregator's pkg/controllers/openapi and openapiv3.
import { equal } from "@capstan/api/meta";

export type Document = Record<string, unknown>;

/** One Swagger 2 document, or the part of it that belongs to a group and version. */
export interface Swagger {
  paths: Document;
  definitions: Document;
}

/** What another server says of one `group/version`. */
export interface Description {
  /** Moves with its OpenAPI 3 document; undefined where it has none. */
  hash?: string;
  swagger?: Swagger;
}

const isObject = (value: unknown): value is Document =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The hash that an index of /openapi/v3 gives a document. */
export function hashIn(index: unknown, root: string): string | undefined {
  const paths = isObject(index) && isObject(index.paths) ? index.paths : {};
  const entry = paths[root];
  const url = isObject(entry) && typeof entry.serverRelativeURL === "string" ? entry.serverRelativeURL : undefined;
  if (url === undefined) return undefined;
  return new URLSearchParams(url.split("?")[1] ?? "").get("hash") ?? "";
}

/** The paths of a group and version, and the definitions that they need. */
export function swaggerPart(document: unknown, groupVersion: string): Swagger | undefined {
  if (!isObject(document) || !isObject(document.paths)) return undefined;
  const root = `/apis/${groupVersion}`;
  const paths = Object.fromEntries(
    Object.entries(document.paths).filter(([path]) => path === root || path.startsWith(`${root}/`)),
  );
  const all = isObject(document.definitions) ? document.definitions : {};
  const needed = new Set<string>();
  const pending = refsOf(paths);
  // What is no part of any path, but says that it is of this group and version, is found by its kind.
  for (const [name, definition] of Object.entries(all)) if (isOf(definition, groupVersion)) pending.push(name);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (needed.has(name) || all[name] === undefined) continue;
    needed.add(name);
    pending.push(...refsOf(all[name]));
  }
  return { paths, definitions: Object.fromEntries([...needed].sort().map((name) => [name, all[name]])) };
}

function isOf(definition: unknown, groupVersion: string): boolean {
  const kinds = isObject(definition) ? definition["x-kubernetes-group-version-kind"] : undefined;
  return Array.isArray(kinds) && kinds.some((one) => isObject(one) && `${one.group}/${one.version}` === groupVersion);
}

const prefix = "#/definitions/";

function refsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(refsOf);
  if (!isObject(value)) return [];
  const own = typeof value.$ref === "string" && value.$ref.startsWith(prefix) ? [value.$ref.slice(prefix.length)] : [];
  return [...own, ...Object.values(value).flatMap(refsOf)];
}

function withRefs(value: unknown, rename: (ref: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => withRefs(item, rename));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === "$ref" && typeof item === "string" ? rename(item) : withRefs(item, rename),
    ]),
  );
}

/** Adds a part to a whole. Definitions of one name that differ are told apart by a number behind it. */
export function mergeSwagger(into: Swagger, part: Swagger): void {
  const names = new Map<string, string>();
  for (const [name, definition] of Object.entries(part.definitions)) {
    let free = name;
    for (let i = 2; into.definitions[free] !== undefined && !equal(into.definitions[free], definition); i++)
      free = `${name}_v${i}`;
    if (free !== name) names.set(prefix + name, prefix + free);
  }
  const rename = (ref: string) => names.get(ref) ?? ref;
  for (const [name, definition] of Object.entries(part.definitions)) {
    const target = (names.get(prefix + name) ?? prefix + name).slice(prefix.length);
    into.definitions[target] ??= names.size > 0 ? withRefs(definition, rename) : definition;
  }
  for (const [path, item] of Object.entries(part.paths)) into.paths[path] ??= withRefs(item, rename);
}

/** An OpenAPI 3 document made of a Swagger 2 one, for servers that have no other. */
export function toOpenApi3({ paths, definitions }: Swagger, info: Document): Document {
  const rename = (ref: string) => ref.replace(prefix, "#/components/schemas/");
  return {
    openapi: "3.0.0",
    info,
    paths: Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, pathItem(withRefs(item, rename))])),
    components: { schemas: withRefs(definitions, rename) },
  };
}

const methods = new Set(["get", "put", "post", "delete", "options", "head", "patch"]);

function pathItem(item: unknown): Document {
  if (!isObject(item)) return {};
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => {
      if (key === "parameters" && Array.isArray(value)) return [key, value.filter(isObject).map(parameter)];
      return [key, methods.has(key) && isObject(value) ? operation(value) : value];
    }),
  );
}

function operation({ parameters, consumes, produces, responses, schemes: _, ...rest }: Document): Document {
  const list = Array.isArray(parameters) ? parameters.filter(isObject) : [];
  const body = list.find((one) => one.in === "body");
  const typed = (types: unknown, schema: unknown) =>
    Object.fromEntries((Array.isArray(types) && types.length > 0 ? types : ["*/*"]).map((type) => [type, { schema }]));
  const answers = Object.entries(isObject(responses) ? responses : {}).map(([code, value]) => {
    const { schema, ...other } = isObject(value) ? value : {};
    return [code, { ...other, ...(schema ? { content: typed(produces, schema) } : {}) }];
  });
  const others = list.filter((one) => one !== body).map(parameter);
  return {
    ...rest,
    ...(others.length > 0 ? { parameters: others } : {}),
    ...(body ? { requestBody: { content: typed(consumes, body.schema) } } : {}),
    responses: Object.fromEntries(answers),
  };
}

const parameterFields = new Set(["name", "in", "description", "required", "$ref", "allowEmptyValue"]);

/** What bounds a parameter's value is its schema. */
function parameter(given: Document): Document {
  const own = Object.entries(given).filter(([key]) => parameterFields.has(key) || key.startsWith("x-"));
  const schema = Object.entries(given).filter(([key]) => !parameterFields.has(key) && !key.startsWith("x-"));
  return { ...Object.fromEntries(own), ...(schema.length > 0 ? { schema: Object.fromEntries(schema) } : {}) };
}
