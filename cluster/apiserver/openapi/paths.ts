// The paths of an OpenAPI document, as far as clients read them: verbs, kinds, and the parameters of writes.
import { pathOf } from "@capstan/api/meta";
import { subresourceFact } from "../discovery/index.ts";
import type { Kind } from "../kind.ts";
import type { Document } from "./component.ts";
import { parametersOf } from "./parameters.ts";

/** How the two versions of OpenAPI write parameters and bodies. */
export interface Dialect {
  query(name: string, type: string): Document;
  path(name: string): Document;
  body(types: string[], schema: Document): Document;
  answer(schema: Document): Document;
  /** Reference to the schema of DeleteOptions. */
  deleteOptions: Document;
}

const methods: Record<string, string> = {
  get: "get",
  list: "get",
  create: "post",
  update: "put",
  patch: "patch",
  delete: "delete",
  deletecollection: "delete",
  head: "head",
  options: "options",
};
const writes = new Set(["create", "update", "patch"]);
const deletes = new Set(["delete", "deletecollection"]);
/** Subresources that join a client with a container or a server. */
const streams = new Set(["attach", "exec", "portforward", "proxy"]);
const actions: Record<string, string> = { update: "put", create: "post" };
const strategic = "application/strategic-merge-patch+json";
const patchTypes = ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];

export function pathsOfKind(kind: Kind, ref: Document, listRef: Document, dialect: Dialect): Document {
  const paths: Document = {};
  const one = templateOf(kind, true);
  const many = templateOf(kind, false);
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  const add = (path: string, verb: string, gvk: object, result: Document) => {
    const method = methods[verb];
    if (!method) return;
    paths[path] = { ...((paths[path] as Document) ?? {}), [method]: operation(kind, path, verb, gvk, result, dialect) };
  };
  for (const verb of kind.verbs) {
    const single = verb === "get" || verb === "update" || verb === "patch" || verb === "delete";
    add(single ? one : many, verb, own, verb === "list" ? listRef : ref);
  }
  if (kind.namespaced && kind.verbs.includes("list"))
    add(templateOf({ ...kind, namespaced: false }, false), "list", own, listRef);
  for (const subresource of kind.subresources) {
    const fact = subresourceFact(kind, subresource);
    const proxied = subresource === "proxy";
    for (const verb of proxied ? [...fact.verbs, "head", "options"] : fact.verbs) {
      add(`${one}/${subresource}`, verb, fact.kind, ref);
      if (proxied) add(`${one}/${subresource}/{path}`, verb, fact.kind, ref);
    }
  }
  return paths;
}

function templateOf(kind: Kind, named: boolean): string {
  const plain = pathOf(kind, kind.namespaced ? "NAMESPACE" : undefined, named ? "NAME" : undefined);
  return plain.replace("/namespaces/NAMESPACE/", "/namespaces/{namespace}/").replace(/\/NAME$/, "/{name}");
}

function operation(kind: Kind, path: string, verb: string, gvk: object, result: Document, dialect: Dialect): Document {
  const below = path.split("{name}/")[1] ?? "";
  const connects = streams.has(below.replace("/{path}", ""));
  const placed = ["name", "namespace", "path"].filter((name) => path.includes(`{${name}}`));
  const asked = parametersOf(connects || below === "log" ? below : verb, connects);
  const types =
    verb === "patch" ? patchTypesOf(kind) : kind.custom ? ["application/json", "application/yaml"] : ["*/*"];
  const body = verb === "patch" ? { type: "object" } : result;
  const scope = path.includes("{namespace}") ? "Namespaced" : kind.namespaced ? "AllNamespaces" : "";
  return {
    operationId: [verb, kind.group, kind.version, scope, kind.kind, below]
      .map(capital)
      .join("")
      .replace(/^./, (c) => c.toLowerCase()),
    tags: [`${kind.group.replace(/\..*/, "") || "core"}_${kind.version}`],
    parameters: [...placed.map(dialect.path), ...asked.map(([name, type]) => dialect.query(name, type))],
    ...(writes.has(verb) && !connects ? dialect.body(types, body) : {}),
    ...(deletes.has(verb) && !connects ? dialect.body(["*/*"], dialect.deleteOptions) : {}),
    responses: { 200: dialect.answer(result), 401: { description: "Unauthorized" } },
    "x-kubernetes-action": connects ? "connect" : (actions[verb] ?? verb),
    "x-kubernetes-group-version-kind": gvk,
  };
}

const capital = (text: string) =>
  text.replace(/(^|[^a-zA-Z0-9]+)(\w)/g, (_, _gap, letter: string) => letter.toUpperCase());

/** kubectl looks here for the kind of patch that it may send. */
const patchTypesOf = ({ custom }: Kind) => (custom ? patchTypes : [...patchTypes, strategic]);
