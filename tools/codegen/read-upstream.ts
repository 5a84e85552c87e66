// Turns upstream's published API description into the compact table of facts that api/generated holds.
import { readFileSync } from "node:fs";
import { type GoStruct, readGoStructs } from "./go-structs.ts";

export interface FieldFact {
  /** Scalar name (string, int32, int64, double, bool, bytes, quantity, intOrString, time, microTime, raw, fieldsV1, any) or type key. */
  type: string;
  /** Set when the field holds many of `type`. */
  many?: "list" | "map";
  required?: true;
  default?: unknown;
  patchMergeKey?: string;
  patchStrategy?: string;
  listType?: string;
  listMapKeys?: string[];
  mapType?: string;
  /** Protobuf field number; absent where upstream has none. */
  number?: number;
  /** Go holds the field behind a pointer: a zero on the wire is a set zero. */
  pointer?: true;
  /** Protobuf numbers of the messages that enclose this field, outermost first, where Go embeds a struct. */
  via?: number[];
}
export interface TypeFact {
  fields: Record<string, FieldFact>;
  kinds?: { group: string; version: string; kind: string }[];
  mapType?: string;
}
export interface ResourceFact {
  group: string;
  version: string;
  resource: string;
  kind: string;
  type: string;
  namespaced: boolean;
  verbs: string[];
  subresources: string[];
}

const leaves: Record<string, string> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "intOrString",
  "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
  "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "microTime",
  "io.k8s.apimachinery.pkg.runtime.RawExtension": "raw",
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "fieldsV1",
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "any",
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "any",
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
};

/** Short key of a definition: `core/v1.Pod`, `meta/v1.ObjectMeta`. */
export function shortKey(definition: string): string {
  const parts = definition.split(".");
  const [kind, version, group] = [parts.at(-1), parts.at(-2), parts.at(-3)];
  return `${group}/${version}.${kind}`;
}

const goDirectory = (modules: string, version: string, definition: string): string | undefined => {
  const api = /^io\.k8s\.api\.(\w+)\.(\w+)\.\w+$/.exec(definition);
  if (api) return `${modules}/api@${version}/${api[1]}/${api[2]}`;
  const meta = /^io\.k8s\.apimachinery\.pkg\.apis\.meta\.(\w+)\.\w+$/.exec(definition);
  if (meta) return `${modules}/apimachinery@${version}/pkg/apis/meta/${meta[1]}`;
  const ext = /^io\.k8s\.apiextensions-apiserver\.pkg\.apis\.apiextensions\.(\w+)\.\w+$/.exec(definition);
  if (ext) return `${modules}/apiextensions-apiserver@${version}/pkg/apis/apiextensions/${ext[1]}`;
  const agg = /^io\.k8s\.kube-aggregator\.pkg\.apis\.apiregistration\.(\w+)\.\w+$/.exec(definition);
  if (agg) return `${modules}/kube-aggregator@${version}/pkg/apis/apiregistration/${agg[1]}`;
  return undefined;
};

// biome-ignore lint/suspicious/noExplicitAny: upstream's document is read once, loosely, by a tool
type Loose = any;

/** @param modules directory of the Go module cache's k8s.io. @param version e.g. v0.33.4. */
export function readUpstream(modules: string, version: string) {
  const kubernetes = `${modules}/kubernetes@${version.replace(/^v0/, "v1")}`;
  const swagger: Loose = JSON.parse(readFileSync(`${kubernetes}/api/openapi-spec/swagger.json`, "utf8"));
  const structs = new Map<string, Map<string, GoStruct>>();
  const types: Record<string, TypeFact> = {};
  for (const [name, definition] of Object.entries<Loose>(swagger.definitions)) {
    if (leaves[name] || /\.v\d+(alpha|beta)\d+\./.test(name) || name.endsWith(".JSON")) continue;
    const directory = goDirectory(modules, version, name);
    if (directory && !structs.has(directory)) structs.set(directory, readGoStructs(directory));
    types[shortKey(name)] = readType(name, definition, directory ? structs.get(directory) : undefined);
  }
  return { types, resources: readResources(swagger) };
}

function readType(name: string, definition: Loose, structs: Map<string, GoStruct> | undefined): TypeFact {
  const goName = name.split(".").at(-1) ?? "";
  const struct = structs?.get(goName);
  const required = new Set<string>(definition.required ?? []);
  const fact: TypeFact = { fields: {} };
  const kinds = (definition["x-kubernetes-group-version-kind"] ?? []).filter(
    (k: Loose) => !/alpha|beta/.test(k.version),
  );
  if (kinds.length === 1) fact.kinds = kinds;
  if (definition["x-kubernetes-map-type"]) fact.mapType = definition["x-kubernetes-map-type"];
  for (const [key, property] of Object.entries<Loose>(definition.properties ?? {})) {
    const field = readField(property);
    if (required.has(key)) field.required = true;
    if (struct && structs) Object.assign(field, findWire(struct, structs, key));
    fact.fields[key] = field;
  }
  return fact;
}

type Wire = Pick<FieldFact, "number" | "pointer" | "via">;

/** Finds a field in a struct or in the structs that it embeds. */
function findWire(struct: GoStruct, structs: Map<string, GoStruct>, key: string): Wire | undefined {
  const own = struct.fields.get(key);
  if (own) return { number: own.number, ...(own.pointer ? { pointer: true as const } : {}) };
  for (const embed of struct.embeds) {
    const inner = structs.get(embed.struct);
    const wire = inner && findWire(inner, structs, key);
    if (wire) return { ...wire, via: [embed.number, ...(wire.via ?? [])] };
  }
  return undefined;
}

function readField(property: Loose): FieldFact {
  const source = property.type === "array" ? property.items : (property.additionalProperties ?? property);
  const field: FieldFact = { type: readScalar(source) };
  if (property.type === "array") field.many = "list";
  else if (property.additionalProperties) {
    field.many = "map";
    if (property.additionalProperties.type === "array") field.type = "list:string";
  }
  if (property.default !== undefined) field.default = property.default;
  const copy: [keyof FieldFact, string][] = [
    ["patchMergeKey", "x-kubernetes-patch-merge-key"],
    ["patchStrategy", "x-kubernetes-patch-strategy"],
    ["listType", "x-kubernetes-list-type"],
    ["listMapKeys", "x-kubernetes-list-map-keys"],
    ["mapType", "x-kubernetes-map-type"],
  ];
  for (const [to, from] of copy) if (property[from] !== undefined) Object.assign(field, { [to]: property[from] });
  return field;
}

function readScalar(schema: Loose): string {
  const ref = schema.$ref?.replace("#/definitions/", "");
  if (ref) return leaves[ref] ?? shortKey(ref);
  if (schema.type === "integer") return schema.format === "int64" ? "int64" : "int32";
  if (schema.type === "number") return "double";
  if (schema.type === "boolean") return "bool";
  if (schema.type === "string") return schema.format === "byte" ? "bytes" : "string";
  return "any";
}

function readResources(swagger: Loose): ResourceFact[] {
  const found = new Map<string, ResourceFact>();
  const main =
    /^\/(?:api|apis\/([^/]+))\/(v\d+)\/(namespaces\/\{namespace\}\/)?([a-z]+)(?:\/\{name\}(?:\/([a-z]+))?)?$/;
  for (const [path, methods] of Object.entries<Loose>(swagger.paths)) {
    const match = main.exec(path);
    if (!match) continue;
    const [, group = "", version = "", namespaced, resource = "", subresource] = match;
    for (const operation of Object.values<Loose>(methods)) {
      const gvk = operation?.["x-kubernetes-group-version-kind"];
      const verb = operation?.["x-kubernetes-action"];
      if (!gvk || !verb) continue;
      const id = `${group}/${version}/${resource}`;
      const fact: ResourceFact = found.get(id) ?? {
        group,
        version,
        resource,
        kind: gvk.kind,
        type: "",
        namespaced: false,
        verbs: [],
        subresources: [],
      };
      found.set(id, fact);
      if (namespaced) fact.namespaced = true;
      if (subresource) {
        if (!fact.subresources.includes(subresource)) fact.subresources.push(subresource);
        continue;
      }
      fact.kind = gvk.kind;
      if (!fact.verbs.includes(verb)) fact.verbs.push(verb);
    }
  }
  return [...found.values()].filter((r) => r.verbs.length > 0);
}
