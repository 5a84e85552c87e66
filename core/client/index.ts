// The API from a client's side: typed verbs over any Handler. Runs in browsers too: imports no node module.
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
