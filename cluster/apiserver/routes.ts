// Paths that are not resources: health, version, discovery, OpenAPI.
import { release, StatusError } from "@capstan/api/meta";
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import type { Store } from "@capstan/core/store";
import { answerDiscovery } from "./discovery/index.ts";
import { parseAccept } from "./negotiation.ts";
import { createOpenApi, type OpenApi } from "./openapi/index.ts";
import { pathNotFound, type Registry } from "./registry.ts";
import type { RequestInfo } from "./request.ts";
import { answerJson } from "./respond.ts";

const json = { "content-type": "application/json" };

export interface Health {
  /** False until the server has what every cluster has. */
  isReady(): boolean;
  store: Store;
}

export function createRoutes(registry: Registry, health: Health) {
  const openApi = createOpenApi(registry);
  return (request: HttpRequest, { path, query }: RequestInfo): HttpResponse => {
    const [root = ""] = path.slice(1).split("/");
    if (root === "healthz" || root === "livez" || root === "readyz") return answerHealth(root, path, query, health);
    if (request.method !== "GET" && !takesAny(path, request.method)) {
      if (path === "/version" || isServed(path, registry)) throw methodNotAllowed();
      return notFoundPage();
    }
    if (path === "/version") return answerJson(version());
    if (path === "/") return answerJson({ paths: rootPaths(registry) });
    const discovery = answerDiscovery(request, path, registry);
    if (discovery) return discovery;
    if (path === "/openapi/v2") return answerSwagger(request, openApi);
    if (path === "/openapi/v3") return { status: 200, headers: json, body: openApi.index() };
    const document = path.startsWith("/openapi/v3/") ? openApi.document(path.slice("/openapi/v3/".length)) : undefined;
    if (!document) {
      if (isServed(path, registry)) throw pathNotFound();
      return notFoundPage();
    }
    const headers: Record<string, string> = { ...json };
    // The hash names the content, so it may be kept for ever.
    if (query.get("hash")) headers["cache-control"] = "public, immutable";
    return { status: 200, headers, body: document };
  };
}

/** Whether a path lies below a group that is served. */
function isServed(path: string, registry: Registry): boolean {
  const [, root, group] = path.split("/");
  if (root === "api") return true;
  return root === "apis" && (group === undefined || (group !== "" && registry.hasGroup(group)));
}

/** Outside of what is served nobody speaks of resources. Source: apiserver's mux. */
export function notFoundPage(): HttpResponse {
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  return { status: 404, headers, body: "404 page not found\n" };
}

const methodNotAllowed = () =>
  new StatusError("MethodNotAllowed", "the server does not allow this method on the requested resource", {});

/** Source: apiserver's mux, where these have handlers that do not ask for the method. */
const takesAny = (path: string, method: string): boolean =>
  path.startsWith("/openapi/v") || (method === "HEAD" && (path === "/apis" || path === "/"));

/** Two spellings of one media type: clients before Kubernetes 1.29 ask for the second, which is no valid MIME type to answer with. */
const protobufTypes = [
  "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
  "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
];

function answerSwagger(request: HttpRequest, openApi: OpenApi): HttpResponse {
  const accepted = parseAccept(request.headers.accept).map(({ type }) => type);
  for (const type of accepted.length > 0 ? accepted : ["*/*"]) {
    if (protobufTypes.includes(type)) {
      return { status: 200, headers: { "content-type": protobufTypes[0] ?? type }, body: openApi.swaggerProtobuf() };
    }
    if (["application/json", "application/*", "*/*"].includes(type)) {
      return { status: 200, headers: json, body: openApi.swagger() };
    }
  }
  throw new StatusError(
    "NotAcceptable",
    `only the following media types are accepted: application/json, ${protobufTypes.join(", ")}`,
  );
}

function version(): object {
  const [major = "", minor = ""] = release.slice(1).split(".");
  return {
    major,
    minor,
    gitVersion: `${release}+capstan`,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "",
    goVersion: "",
    compiler: "node",
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}

function answerHealth(root: string, path: string, query: URLSearchParams, health: Health): HttpResponse {
  const checks: [string, boolean][] = [
    ["ping", true],
    // Tools ask for it by this name.
    ["etcd", health.store.failure === undefined],
    ...(root === "readyz" ? [["bootstrap", health.isReady()] as [string, boolean]] : []),
  ];
  const [, , named, ...more] = path.split("/");
  const chosen = named === undefined ? checks : checks.filter(([name]) => name === named);
  if (more.length > 0 || (named !== undefined && chosen.length === 0)) return notFoundPage();
  const good = chosen.every(([, passed]) => passed);
  const lines = chosen.map(([name, passed]) => {
    const why = name === "etcd" ? storeProblem(health.store) : "";
    return `[${passed ? "+" : "-"}]${name} ${passed ? "ok" : `failed${why}`}`;
  });
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  if (good && !query.has("verbose")) return { status: 200, headers, body: "ok" };
  return {
    status: good ? 200 : 500,
    headers,
    body: `${lines.join("\n")}\n${root} check ${good ? "passed" : "failed"}\n`,
  };
}

/** In words that anybody may read: which keys are lost is told to those who ask for them. */
function storeProblem({ damage, failure }: Store): string {
  if (damage.length > 0) return `: the store is damaged and read-only, ${damage.length} parts of it are lost`;
  return failure ? ": the store is read-only" : "";
}

function rootPaths(registry: Registry): string[] {
  const roots = new Set(["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]);
  for (const { group, version: served } of registry.all()) {
    if (group === "") roots.add(`/api/${served}`);
    else roots.add(`/apis/${group}`).add(`/apis/${group}/${served}`);
  }
  return [...roots].sort();
}
