import { StatusError } from "@capstan/api/meta";
import type { RequestInfo } from "./request.ts";

const verbs: Record<string, string> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};
const root = "http://localhost";
/** Paths that are exact. */
const health = new Set(["healthz", "livez", "readyz"]);
const truthy = (value: string | null) => value !== null && value !== "" && value !== "false" && value !== "0";

let latest: { method: string; url: string; info: RequestInfo } | undefined;

/**
 * Describes a request from its method and its path with query; the answer is shared: never change it.
 * Throws BadRequest when the path is not a valid one. Source: apiserver's RequestInfoFactory.
 */
export function requestInfoOf(method: string, url: string): RequestInfo {
  // Every layer of the server asks for the same request, one after the other.
  if (latest?.method !== method || latest.url !== url) latest = { method, url, info: describe(method, url) };
  return latest.info;
}

function describe(method: string, url: string): RequestInfo {
  const question = url.indexOf("?");
  const rawPath = question < 0 ? url : url.slice(0, question);
  const query = new URLSearchParams(question < 0 ? "" : url.slice(question + 1));
  const segments = decodeSegments(rawPath);
  const info: RequestInfo = {
    isResource: false,
    verb: method.toLowerCase(),
    path: `/${segments.join("/")}`,
    query,
    group: "",
    version: "",
    resource: "",
    subresource: "",
    namespace: "",
    name: "",
    rest: "",
  };
  // What lies behind a proxy has paths of its own.
  if (rawPath.replace(root, "").split("/proxy/", 1)[0]?.includes("//")) return { ...info, path: rawPath };
  if (rawPath.endsWith("/") && health.has(segments[0] ?? "")) return { ...info, path: `${info.path}/` };
  const resourceAt = segments[0] === "api" ? 2 : segments[0] === "apis" ? 3 : 0;
  if (resourceAt === 0 || segments.length <= resourceAt) return info;
  if (resourceAt === 3) info.group = segments[1] ?? "";
  info.version = segments[resourceAt - 1] ?? "";
  let rest = segments.slice(resourceAt);
  if (rest[0] === "watch")
    throw new StatusError("NotFound", "the deprecated /watch/ paths are not served: use ?watch=true");
  info.isResource = true;
  if (rest[0] === "namespaces" && rest.length > 1) {
    info.namespace = rest[1] ?? "";
    if (rest.length > 2 && !(info.group === "" && (rest[2] === "status" || rest[2] === "finalize")))
      rest = rest.slice(2);
  }
  [info.resource = "", info.name = "", info.subresource = ""] = rest;
  info.rest = rest.slice(3).join("/");
  info.verb = verbOf(method, info);
  if (collective.has(info.verb)) info.name = selectedName(query);
  return info;
}

function decodeSegments(path: string): string[] {
  const collapsed = path.startsWith(root) ? path.slice(root.length) : path;
  try {
    return collapsed
      .split("/")
      .filter((segment) => segment !== "")
      .map(decodeURIComponent);
  } catch {
    throw new StatusError("BadRequest", `the path ${JSON.stringify(path.slice(0, 200))} is not valid percent-encoding`);
  }
}

const collective = new Set(["list", "watch", "deletecollection"]);

/** A selector of one name makes that the name of the request, so that permission for the one object is enough. */
function selectedName(query: URLSearchParams): string {
  const selector = query.get("fieldSelector") ?? "";
  return /^metadata\.name==?([^,=!]+)$/.exec(selector)?.[1] ?? "";
}

function verbOf(method: string, { name, query }: RequestInfo): string {
  const verb = verbs[method] ?? method.toLowerCase();
  if (name !== "") return verb;
  if (verb === "get") return truthy(query.get("watch")) ? "watch" : "list";
  return verb === "delete" ? "deletecollection" : verb;
}
