// What the rooms of the API server agree on: how a request is described, how admission and special endpoints plug in.
import type { KubeObject, ObjectRef, Resource } from "@capstan/api/meta";
import type { HttpRequest, HttpResponse, Interceptor, Principal } from "@capstan/base/http";
import type { Kind } from "./kind.ts";

/** A request as authorization and admission see it. Source: apiserver's request.RequestInfo. */
export interface RequestInfo {
  /** False for /healthz, /version, discovery and OpenAPI. */
  isResource: boolean;
  /** get list watch create update patch delete deletecollection; for other paths the lower-case HTTP method. */
  verb: string;
  /** Decoded path without the query. */
  path: string;
  query: URLSearchParams;
  group: string;
  version: string;
  /** Plural; empty when not a resource. A namespace's own requests have resource "namespaces" and `namespace` set to its name. */
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** What follows the subresource, as in `/nodes/a/proxy/metrics`: without the leading slash. */
  rest: string;
}

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** One write, on its way through admission. */
export interface Attributes {
  operation: Operation;
  info: RequestInfo;
  /** The kind being written: for a subresource such as binding or scale that subresource's kind. */
  kind: { group: string; version: string; kind: string };
  namespace: string;
  /** Empty for a CREATE whose name is still to be generated. */
  name: string;
  /** New object; absent on DELETE. Plugins change it in place while they admit, never while they validate. */
  object?: KubeObject;
  /** Present state on UPDATE and DELETE: shared, never changed. */
  oldObject?: KubeObject;
  /** CreateOptions, UpdateOptions, PatchOptions or DeleteOptions, as the request gave them. */
  options: Record<string, unknown>;
  dryRun: boolean;
  principal: Principal;
  signal: AbortSignal;
  /** Sends a Warning header to the client. */
  warn(message: string): void;
  /** Adds an annotation to the request's audit event; nothing when no audit is kept. */
  annotate?(key: string, value: string): void;
}

/** Refuses by throwing a StatusError. Plugins run in the order given: all that admit, then all that validate. */
export interface AdmissionPlugin {
  name: string;
  admit?(attributes: Attributes): Promise<void> | void;
  validate?(attributes: Attributes): Promise<void> | void;
  /** Called when a CREATE or UPDATE that reached validation is over, stored or not. */
  settled?(attributes: Attributes): void;
}

/** Synchronous, read-only sight of stored objects. Answers are shared: never change them. */
export interface View {
  get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): T | undefined;
  /** The same array until something in it changes, so that it can key a derived cache. */
  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): readonly T[];
  /** The served resource of a path, custom ones too. */
  resource(group: string, version: string, resource: string): Resource | undefined;
  /** The served resource of a kind, custom ones too. */
  resourceOfKind(group: string, version: string, kind: string): Resource | undefined;
  /** The other names and versions under which a resource's objects are served. */
  equivalents?(resource: Pick<Resource, "group" | "version" | "resource">): readonly Equivalent[];
}

/** Another served version of the same objects. */
export interface Equivalent {
  resource: Resource;
  /** From the version that was asked about to this one, and back. The argument stays as it is. */
  convert(object: KubeObject): Promise<KubeObject>;
  restore(object: KubeObject): Promise<KubeObject>;
}

/** A call of a special endpoint: `object` is the decoded body where there is one. */
export interface EndpointCall {
  request: HttpRequest;
  info: RequestInfo;
  principal: Principal;
  object?: KubeObject;
}

/**
 * A resource or subresource that stores nothing (reviews, tokens) or streams (log, exec, proxy).
 * Give `create` to answer a POST with an object (201), or `connect` to answer any method whole.
 * Admission runs before `create` (CREATE) and before `connect` of exec, attach, portforward and proxy (CONNECT).
 */
export interface Endpoint {
  group: string;
  version: string;
  resource: string;
  /** Empty for the resource itself. */
  subresource: string;
  create?(call: EndpointCall): Promise<object>;
  connect?(call: EndpointCall): Promise<HttpResponse>;
}

/** What a room adds to the server. Factories get the View and are called once, when the server is made. */
export interface Extension {
  /** Run around every request, in the order given: the first is the outermost. */
  interceptors?: Interceptor[];
  admission?: AdmissionPlugin[];
  endpoints?: Endpoint[];
  /** Kinds whose objects nothing stores: its endpoints answer for them. */
  kinds?: Kind[];
}
export type ExtensionFactory = (view: View) => Extension;
