import { createHash } from "node:crypto";
import { release } from "@capstan/api/meta";
import { mergeSwagger, type Swagger, toOpenApi3 } from "../aggregation/descriptions.ts";
import { type Group, type GroupVersion, groupsOf } from "../discovery/index.ts";
import type { Kind, Schema } from "../kind.ts";
import { encodeObject } from "../objects.ts";
import type { Registry } from "../registry.ts";
import { componentName, customComponentName, type Document, type Writer, writeSchema, writeType } from "./component.ts";
import { describeKind } from "./descriptions.ts";
import { type Dialect, pathsOfKind } from "./paths.ts";
import { encodeSwagger } from "./protobuf.ts";

const info = { title: "Kubernetes", version: release };

const v3: Dialect = {
  query: (name, type) => ({ name, in: "query", schema: { type } }),
  path: (name) => ({ name, in: "path", required: true, schema: { type: "string" } }),
  body: (types, schema) => ({ requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema }])) } }),
  answer: (schema) => ({ description: "OK", content: { "application/json": { schema } } }),
  deleteOptions: { $ref: `#/components/schemas/${componentName("meta/v1.DeleteOptions")}` },
};
const v2: Dialect = {
  query: (name, type) => ({ name, in: "query", type }),
  path: (name) => ({ name, in: "path", required: true, type: "string" }),
  body: (types, schema) => ({ consumes: types, "x-body": schema }),
  answer: (schema) => ({ description: "OK", schema }),
  deleteOptions: { $ref: `#/definitions/${componentName("meta/v1.DeleteOptions")}` },
};

interface Parts {
  paths: Document;
  schemas: Document;
}

function writeKinds(kinds: Kind[], dialect: Dialect, refs: string, into: Parts): void {
  const pending: string[] = [];
  const writer: Writer = { refs, need: (type) => void pending.push(type) };
  writer.need("meta/v1.DeleteOptions");
  for (const kind of kinds) {
    const name = nameOf(kind);
    const gvk = { group: kind.group, version: kind.version, kind: kind.kind };
    into.schemas[name] = {
      ...definitionOf(kind, writer),
      description: describeKind(kind),
      "x-kubernetes-group-version-kind": [gvk],
    };
    const ref = { $ref: refs + name };
    const list = `${name}List`;
    if (kind.verbs.includes("list")) into.schemas[list] = listOf(kind, ref, writer);
    Object.assign(
      into.paths,
      pathsOfKind(kind, ref, kind.verbs.includes("list") ? { $ref: refs + list } : ref, dialect),
    );
  }
  while (pending.length > 0) {
    const type = pending.pop() as string;
    const name = componentName(type);
    into.schemas[name] ??= writeType(type, writer);
  }
}

const nameOf = (kind: Kind): string =>
  kind.schema.type ? componentName(kind.schema.type) : customComponentName(kind.group, kind.version, kind.kind);

function definitionOf(kind: Kind, writer: Writer): Document {
  if (kind.schema.type) return writeType(kind.schema.type, writer);
  writer.need("meta/v1.ObjectMeta");
  const own = kind.custom?.openapi ?? {};
  const properties = {
    ...fieldsOf(kind, writer),
    ...(own.properties as Document | undefined),
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { $ref: writer.refs + componentName("meta/v1.ObjectMeta") },
  };
  return { ...own, properties };
}

/** The fields of a kind that is neither built in nor custom. */
function fieldsOf({ custom, schema }: Kind, writer: Writer): Document {
  if (custom) return {};
  return Object.fromEntries(schema.names().map((name) => [name, writeSchema(schema.field(name) as Schema, writer)]));
}

function listOf(kind: Kind, ref: Document, writer: Writer): Document {
  writer.need("meta/v1.ListMeta");
  const gvk = { group: kind.group, version: kind.version, kind: kind.listKind };
  return {
    type: "object",
    description: `${kind.listKind} is a list of ${kind.kind}.`,
    required: ["items"],
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { $ref: writer.refs + componentName("meta/v1.ListMeta") },
      items: { type: "array", items: ref },
    },
    "x-kubernetes-group-version-kind": [gvk],
  };
}

/** `api/v1`, `apis/apps/v1`. */
const rootOf = (group: Group, { version }: GroupVersion) =>
  group.name === "" ? `api/${version}` : `apis/${group.name}/${version}`;

const hashOf = (value: unknown) =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32).toUpperCase();

/** What a document is made of: its hash moves when the document does. */
function fingerprint({ kinds }: GroupVersion): string {
  return hashOf([
    release,
    kinds.map(({ resource, kind, namespaced, subresources, custom }) => [
      resource,
      kind,
      namespaced,
      subresources,
      custom?.openapi,
    ]),
  ]);
}

/** Documents, written when they are first asked for and kept until the kinds change. */
export interface OpenApi {
  /** Which documents there are: the body of /openapi/v3. */
  index(): Uint8Array;
  /** @param root such as `apis/apps/v1`. */
  document(root: string): Uint8Array | undefined;
  /** All in one Swagger 2.0 document. */
  swagger(): Uint8Array;
  /** The same in protobuf. */
  swaggerProtobuf(): Uint8Array;
}

export function createOpenApi(registry: Registry): OpenApi {
  let generation = -1;
  const cache = new Map<string, Uint8Array>();
  const cached = (id: string, make: () => unknown, encode = encodeObject): Uint8Array => {
    if (generation !== registry.generation) cache.clear();
    generation = registry.generation;
    let bytes = cache.get(id);
    if (!bytes) {
      bytes = encode(make());
      cache.set(id, bytes);
    }
    return bytes;
  };
  return {
    index: () => cached("", () => indexOf(registry)),
    document(root) {
      const described = registry.described().get(root.replace(/^apis\//, ""));
      if (described) return described.swagger && cached(root, () => toOpenApi3(described.swagger as Swagger, info));
      for (const group of groupsOf(registry)) {
        const version = group.versions.find((candidate) => rootOf(group, candidate) === root);
        if (version) return cached(root, () => documentOf(version));
      }
      return undefined;
    },
    swagger: () => cached("v2", () => swaggerOf(registry)),
    swaggerProtobuf: () =>
      cached("v2 protobuf", () => swaggerOf(registry), encodeSwagger as (value: unknown) => Uint8Array),
  };
}

function indexOf(registry: Registry): object {
  const paths: Document = {};
  for (const group of groupsOf(registry)) {
    for (const version of group.versions) {
      const root = rootOf(group, version);
      paths[root] = { serverRelativeURL: `/openapi/v3/${root}?hash=${fingerprint(version)}` };
    }
  }
  // Other servers write their own, and what they said last tells when it has changed.
  for (const [groupVersion, { hash, swagger }] of registry.described()) {
    const root = `apis/${groupVersion}`;
    delete paths[root];
    if (hash === undefined && !swagger) continue;
    paths[root] = { serverRelativeURL: `/openapi/v3/${root}?hash=${hash || hashOf(swagger)}` };
  }
  return { paths };
}

function documentOf({ kinds }: GroupVersion): object {
  const parts: Parts = { paths: {}, schemas: {} };
  writeKinds(kinds, v3, "#/components/schemas/", parts);
  return { openapi: "3.0.0", info, paths: parts.paths, components: { schemas: parts.schemas } };
}

function swaggerOf(registry: Registry): object {
  const parts: Parts = { paths: {}, schemas: {} };
  writeKinds(registry.all(), v2, "#/definitions/", parts);
  for (const path of Object.values(parts.paths)) {
    for (const operation of Object.values(path as Record<string, Document>)) {
      if (!("x-body" in operation)) continue;
      (operation.parameters as Document[]).push({
        name: "body",
        in: "body",
        required: true,
        schema: operation["x-body"],
      });
      delete operation["x-body"];
    }
  }
  const whole = { paths: parts.paths, definitions: parts.schemas };
  for (const { swagger } of registry.described().values()) if (swagger) mergeSwagger(whole, swagger);
  return { swagger: "2.0", info, ...whole };
}
