// Keeps the newest version of one model loaded, as its directory changes: TensorFlow Serving's policy `latest`, one version.
import { type FSWatcher, watch } from "node:fs";
import { aborted, deferred } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Code } from "./errors.ts";
import { findVersions, type ModelFiles, readSignature } from "./model-files.ts";
import type { SessionPool } from "./session-pool.ts";
import { type Graph, type Signatures, signaturesOfDocument, signaturesOfGraph } from "./signature.ts";

export interface VersionStatus {
  version: number;
  state: "START" | "LOADING" | "AVAILABLE" | "UNLOADING" | "END";
  code: "OK" | Code;
  message: string;
}

/** A loaded version. */
export interface Servable {
  version: number;
  /** Names its session in the pool. */
  key: string;
  graph: Graph;
  signatures: Signatures;
  fingerprint: string;
}

export interface ModelManagerOptions {
  name: string;
  basePath: string;
  pool: SessionPool;
  log: Logger;
}

export interface ModelManager {
  readonly name: string;
  /** The version asked for, else the newest; undefined when it is not loaded. */
  find(version?: number): Servable | undefined;
  /** Newest first. */
  statuses(): VersionStatus[];
  /** Resolves when a version is served; rejects when what was found at the start cannot be. */
  ready: Promise<void>;
  /** Loads and watches; resolves when the signal aborted. */
  start(signal: AbortSignal): Promise<void>;
}

export function createModelManager({ name, basePath, pool, log }: ModelManagerOptions): ModelManager {
  const first = deferred();
  const statuses = new Map<number, VersionStatus>();
  const failed = new Map<number, string>();
  let served: Servable | undefined;
  let loads = 0;

  const setStatus = (
    version: number,
    state: VersionStatus["state"],
    code: VersionStatus["code"] = "OK",
    message = "",
  ) => {
    statuses.set(version, { version, state, code, message });
  };

  const load = async (files: ModelFiles): Promise<Servable> => {
    const { version, path, fingerprint } = files;
    const key = `${version}#${++loads}`;
    const document = await readSignature(files);
    const graph = await pool.load(key, path).catch((cause) => {
      throw new Error(`${path} is not an ONNX model that can be served: ${messageOf(cause)}`, { cause });
    });
    try {
      const signatures = document === undefined ? signaturesOfGraph(graph) : signaturesOfDocument(document, graph);
      return { version, key, graph, signatures, fingerprint };
    } catch (error) {
      await pool.unload(key);
      throw error;
    }
  };

  const replace = async (files: ModelFiles): Promise<void> => {
    const { version, fingerprint } = files;
    if (served?.version !== version) setStatus(version, "LOADING");
    try {
      const fresh = await load(files);
      const old = served;
      served = fresh;
      failed.clear();
      setStatus(version, "AVAILABLE");
      log.info("model loaded", { model: name, version, path: files.path });
      first.resolve();
      if (old) await retire(old, version);
    } catch (error) {
      failed.set(version, fingerprint);
      log.error("model not loaded", { model: name, version, error });
      if (served?.version !== version) setStatus(version, "END", "INVALID_ARGUMENT", messageOf(error));
      if (!served) first.reject(error);
    }
  };

  const retire = async (old: Servable, successor: number): Promise<void> => {
    if (old.version !== successor) setStatus(old.version, "UNLOADING");
    await pool.unload(old.key);
    if (old.version !== successor) setStatus(old.version, "END");
  };

  const scan = async (): Promise<string[]> => {
    const versions = await findVersions(basePath);
    const newest = versions.at(-1);
    const known = newest && (served?.version === newest.version ? served.fingerprint : failed.get(newest.version));
    if (newest && known !== newest.fingerprint) await replace(newest);
    if (!newest && !served) log.info("waiting for a version", { model: name, path: basePath });
    return [basePath, ...versions.map(({ directory }) => directory)];
  };

  return {
    name,
    ready: first.promise,
    find: (version) => (version === undefined || served?.version === version ? served : undefined),
    statuses: () => [...statuses.values()].sort((a, b) => b.version - a.version),
    async start(signal) {
      // A rejection of `ready` is for those who wait for it; the log has it in any case.
      first.promise.catch((error) => log.debug("not ready", { model: name, error }));
      const follow = followDirectories(scan, (error) => {
        log.error("cannot read the model directory", { model: name, path: basePath, error });
        if (!served) first.reject(error);
      });
      await follow(signal);
    },
  };
}

/** Runs `scan` now and after every change in the directories that it returned, one run at a time. */
function followDirectories(scan: () => Promise<string[]>, onError: (error: unknown) => void) {
  return async (signal: AbortSignal): Promise<void> => {
    const watchers = new Map<string, FSWatcher>();
    let running: Promise<void> | undefined;
    let again = false;
    const wake = () => {
      again = true;
      running ??= turn();
    };
    const follow = (directory: string) => {
      if (watchers.has(directory)) return;
      const watcher = watch(directory, wake);
      watcher.on("error", () => {
        watchers.delete(directory);
        watcher.close();
        wake();
      });
      watchers.set(directory, watcher);
      // What changed between the scan and the watch would be missed.
      again = true;
    };
    const turn = async () => {
      while (again && !signal.aborted) {
        again = false;
        try {
          const directories = await scan();
          for (const [directory, watcher] of watchers) {
            if (directories.includes(directory)) continue;
            watcher.close();
            watchers.delete(directory);
          }
          for (const directory of directories) follow(directory);
        } catch (error) {
          onError(error);
        }
      }
      running = undefined;
    };
    wake();
    await aborted(signal);
    for (const watcher of watchers.values()) watcher.close();
    await running;
  };
}
