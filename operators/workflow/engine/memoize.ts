// memoize: outputs of earlier runs, kept in a ConfigMap under a key.
import type { Memoize, Outputs } from "@capstan/api/kinds/workflow";
import { ExpressionError, parseDuration } from "../expressions/index.ts";
import type { Run } from "./run.ts";

/** The JSON under a key of the cache. Its form is upstream's. */
interface Entry {
  nodeID: string;
  outputs?: Outputs;
  creationTimestamp: string;
  lastHitTimestamp: string;
}

export interface Recalled {
  hit: boolean;
  key: string;
  cacheName: string;
  outputs?: Outputs;
}

/** Looks a key up; an entry older than maxAge is none. */
export function recall(run: Run, memoize: Memoize): Recalled {
  const { key, maxAge } = memoize;
  const cacheName = memoize.cache.configMap.name ?? "";
  if (!/^[a-zA-Z0-9][-a-zA-Z0-9._]*$/.test(key) || key.length > 253) {
    throw new ExpressionError(`memoize.key ${JSON.stringify(key)} is not a ConfigMap key`);
  }
  const text = run.world.configMap(cacheName)?.data?.[key];
  if (text === undefined) return { hit: false, key, cacheName };
  let entry: Entry;
  try {
    entry = JSON.parse(text) as Entry;
  } catch {
    throw new ExpressionError(`memoize: ConfigMap ${cacheName} holds no JSON at ${key}`);
  }
  const age = run.world.now - Date.parse(entry.creationTimestamp);
  if (maxAge && age > parseDuration(maxAge)) return { hit: false, key, cacheName };
  return { hit: true, key, cacheName, ...(entry.outputs ? { outputs: entry.outputs } : {}) };
}

export function entryOf(node: string, outputs: Outputs | undefined, now: string): string {
  const entry: Entry = { nodeID: node, ...(outputs ? { outputs } : {}), creationTimestamp: now, lastHitTimestamp: now };
  return JSON.stringify(entry);
}
