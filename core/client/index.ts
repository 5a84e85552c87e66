// The API from a client's side: typed verbs over any Handler. Runs in browsers too: imports no node module.
export { createIfAbsent } from "./absent.ts";
export { errorOf, readText } from "./answer.ts";
export type {
  ApplyOptions,
  Client,
  DeleteOptions,
  ListOptions,
  ListResult,
  Patch,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "./client.ts";
export { type ClientOptions, createClient } from "./create.ts";
export { createFetchHandler } from "./fetch.ts";
export { type ClusterAccess, type Material, readKubeconfig } from "./kubeconfig.ts";
export { bytesOf, readLines } from "./lines.ts";
export { statesOf, waitFor, waitGone } from "./wait.ts";
