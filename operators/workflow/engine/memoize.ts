// memoize: outputs of earlier runs, kept in a ConfigMap under a key or, under their content, in the records.
import type { Memoize, NodeStatus, Outputs, Template } from "@capstan/api/kinds/workflow";
import { ExpressionError, parseDuration } from "../expressions/index.ts";
import { contentCache, contentKeyOf } from "./content.ts";
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

/** A ConfigMap with this label is a cache; others are left alone. */
export const cacheLabel = { key: "workflows.argoproj.io/configmap-type", value: "Cache" };
/** Largest data of a ConfigMap, bytes. Source: the API's limit. */
export const configMapLimit = 1024 * 1024;
const keyPattern = /^[a-zA-Z0-9][-a-zA-Z0-9]*$/;
const keyLimit = 253;

/**
 * What an earlier run gave. Undefined for templates that are not memoized; "asked" when the answer comes later: then the
 * node is told of.
 */
export function recallNode(run: Run, template: Template, id: string): Recalled | "asked" | undefined {
  if (template.memoize) return recall(run, template.memoize);
  const known = run.memory.contents.get(id);
  const key = known ?? contentKeyOf(run, template, id);
  if (key === "asked") return "asked";
  if (key === undefined || !run.world.recallContent) return undefined;
  run.memory.contents.set(id, key);
  const found = run.world.recallContent(key, id);
  if (found === "asked") return "asked";
  run.memory.contents.delete(id);
  return { hit: found !== undefined, key, cacheName: contentCache, ...(found ? { outputs: found } : {}) };
}

/** Looks a key up; an entry older than maxAge is none. */
function recall(run: Run, memoize: Memoize): Recalled {
  const { key, maxAge } = memoize;
  const cacheName = memoize.cache.configMap.name ?? "";
  if (!keyPattern.test(key)) throw new ExpressionError(`memoize: invalid cache key: ${key.slice(0, keyLimit)}`);
  if (key.length > keyLimit) {
    throw new ExpressionError(`memoize: a cache key has at most ${keyLimit} characters, this has ${key.length}`);
  }
  const map = run.world.configMap(cacheName);
  if (map && map.metadata.labels?.[cacheLabel.key] !== cacheLabel.value) {
    throw new ExpressionError(
      `memoize: ConfigMap ${cacheName} doesn't have label ${cacheLabel.key} = ${cacheLabel.value}, refusing to use it`,
    );
  }
  const text = map?.data?.[key];
  if (!text) return { hit: false, key, cacheName };
  let entry: Entry;
  try {
    entry = JSON.parse(text) as Entry;
  } catch {
    throw new ExpressionError(`memoize: malformed cache entry: ConfigMap ${cacheName} holds no JSON at ${key}`);
  }
  touch(run, cacheName, key, entry);
  const age = run.world.now - Date.parse(entry.creationTimestamp);
  if (maxAge && age > parseDuration(maxAge)) return { hit: false, key, cacheName };
  return { hit: true, key, cacheName, ...(entry.outputs ? { outputs: entry.outputs } : {}) };
}

function touch(run: Run, configMap: string, key: string, entry: Entry): void {
  run.effects.push({
    do: "touch memo",
    configMap,
    key,
    entry: JSON.stringify({ ...entry, lastHitTimestamp: run.now }),
  });
}

export function entryOf(node: string, outputs: Outputs | undefined, now: string): string {
  const entry: Entry = { nodeID: node, ...(outputs ? { outputs } : {}), creationTimestamp: now, lastHitTimestamp: now };
  return JSON.stringify(entry);
}

/** Why a node's outputs cannot be kept in its cache; then it has not succeeded. */
export function cacheProblem(run: Run, node: NodeStatus): string | undefined {
  const memo = node.memoizationStatus;
  if (!memo || memo.hit || memo.cacheName === contentCache) return undefined;
  const { [memo.key]: _, ...others } = run.world.configMap(memo.cacheName)?.data ?? {};
  const encoder = new TextEncoder();
  let size = encoder.encode(entryOf(node.id, node.outputs, run.now)).length;
  for (const value of Object.values(others)) size += encoder.encode(value).length;
  if (size <= configMapLimit) return undefined;
  return `error creating cache entry: ConfigMap "${memo.cacheName}" would hold ${size} bytes, it must have at most ${configMapLimit}: use another cache, or fewer and smaller output parameters`;
}

/** Asks to keep the outputs of memoized nodes that have just succeeded. */
export function remember(run: Run): void {
  for (const node of run.reached) {
    const memo = node.memoizationStatus;
    if (!memo || memo.hit || node.phase !== "Succeeded") continue;
    const { key } = memo;
    if (memo.cacheName === contentCache) {
      const { id, inputs, outputs } = node;
      if (outputs) run.effects.push({ do: "keep memo", key, node: id, inputs: inputs?.artifacts ?? [], outputs });
    } else run.effects.push({ do: "remember", configMap: memo.cacheName, key, node: node.id, outputs: node.outputs });
  }
}
