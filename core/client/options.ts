import type { DeleteOptions, ListOptions, WatchOptions, WriteOptions } from "./client.ts";

type Parameters = Record<string, string | number | boolean | undefined>;

/** Appends the parameters that are set. */
export function withQuery(path: string, parameters: Parameters): string {
  let query = "";
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query += `${query === "" ? "?" : "&"}${name}=${encodeURIComponent(value)}`;
  }
  return path + query;
}

export function listParameters(options: ListOptions): Parameters {
  const { labelSelector, fieldSelector, limit, continue: token, resourceVersion } = options;
  return { labelSelector, fieldSelector, limit, continue: token, resourceVersion };
}

export function watchParameters({ labelSelector, fieldSelector, resourceVersion }: WatchOptions): Parameters {
  const start =
    resourceVersion === undefined
      ? { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" }
      : { resourceVersion };
  return { watch: true, allowWatchBookmarks: true, labelSelector, fieldSelector, ...start };
}

export function writeParameters(options: WriteOptions & { force?: boolean }): Parameters {
  const { dryRun, fieldManager, fieldValidation, force } = options;
  return { dryRun: dryRun ? "All" : undefined, fieldManager, fieldValidation, force };
}

/** The body of a DELETE. */
export function deleteBody(options: DeleteOptions): unknown {
  return { apiVersion: "v1", kind: "DeleteOptions", ...options };
}

/** What to accept for lists and watches. */
export function formOf(options: { metadataOnly?: boolean }, list: boolean): Record<string, string> {
  if (!options.metadataOnly) return {};
  const as = list ? "PartialObjectMetadataList" : "PartialObjectMetadata";
  return { accept: `application/json;as=${as};g=meta.k8s.io;v=v1` };
}
