import type { KubeObject, New, ObjectRef, Resource } from "@capstan/api/meta";
import type { HttpRequest, HttpResponse } from "@capstan/base/http";

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  /** Objects come with apiVersion, kind and metadata alone. */
  metadataOnly?: boolean;
}
export interface ListResult<T> {
  items: T[];
  resourceVersion: string;
  continue?: string;
}
export interface WatchOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Start after this version; absent: the present state first, as ADDED events and a BOOKMARK annotated k8s.io/initial-events-end. */
  resourceVersion?: string;
  /** Objects come with apiVersion, kind and metadata alone. */
  metadataOnly?: boolean;
  signal: AbortSignal;
}
export type WatchEvent<T> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  | { type: "BOOKMARK"; object: { metadata: { resourceVersion: string; annotations?: Record<string, string> } } };

export interface WriteOptions {
  /** Writes `status`, `scale`, … instead of the object. */
  subresource?: string;
  dryRun?: boolean;
  fieldManager?: string;
  /** What becomes of fields that the server does not know. Default: the server's own, a warning. */
  fieldValidation?: "Strict" | "Warn" | "Ignore";
}
export interface ApplyOptions extends WriteOptions {
  fieldManager: string;
  /** Takes fields over from other managers instead of answering Conflict. */
  force?: boolean;
}
export type Patch =
  | { type: "merge"; body: unknown }
  | { type: "strategic"; body: unknown }
  | { type: "json"; body: { op: string; path: string; value?: unknown; from?: string }[] };

export interface DeleteOptions {
  propagationPolicy?: "Background" | "Foreground" | "Orphan";
  gracePeriodSeconds?: number;
  /** The delete is refused with Conflict unless these hold. */
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** Every method rejects with a StatusError when the server refuses. Objects that come back are the caller's own. */
export interface Client {
  get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T>;
  /** As get, with undefined in place of NotFound. */
  find<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T | undefined>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<ListResult<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: New<T>, options?: WriteOptions): Promise<T>;
  /** Replaces; Conflict when the object's resourceVersion is no longer the newest. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  /** Writes `/status` alone. */
  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
  patch<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, patch: Patch, options?: WriteOptions): Promise<T>;
  /** Server-side apply. */
  apply<T extends KubeObject>(resource: Resource<T>, object: New<T>, options: ApplyOptions): Promise<T>;
  /** NotFound is an error here too: callers who do not mind use isReason. */
  delete(resource: Resource, ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  deleteCollection(resource: Resource, options: ListOptions, deletion?: DeleteOptions): Promise<void>;
  /** Ends when the server ends the stream; Expired is thrown when the version is too old. */
  watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** Any path, for logs, tokens and reviews. Answers of 400 and above are thrown. */
  request(request: Partial<HttpRequest> & { url: string }): Promise<HttpResponse>;
}
