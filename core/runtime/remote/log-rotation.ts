// A runtime behind a socket writes its containers' logs itself, and never begins a new file unless it is told to.
import { type FSWatcher, statSync, watch } from "node:fs";
import type { Logger } from "@capstan/base/log";
import { type LogLimits, logLimits, rotateLog } from "../log-file.ts";

/** At most one look at a file's size in this time, and none while nothing is written. */
const lookMs = 1000;

export class LogRotation {
  readonly #reopen: (id: string) => Promise<void>;
  readonly #log: Logger;
  readonly #limits: LogLimits;
  readonly #watched = new Map<string, { path: string; watcher: FSWatcher; timer?: NodeJS.Timeout }>();

  /** @param reopen makes the runtime write to a new file at the old path. */
  constructor(reopen: (id: string) => Promise<void>, log: Logger, limits: LogLimits = logLimits) {
    this.#reopen = reopen;
    this.#log = log;
    this.#limits = limits;
  }

  /** Follows the log of a container that runs. */
  follow(id: string, path: string): void {
    if (this.#watched.has(id) || !statSync(path, { throwIfNoEntry: false })) return;
    const entry: { path: string; watcher: FSWatcher; timer?: NodeJS.Timeout } = {
      path,
      watcher: watch(path, { persistent: false }, () => {
        entry.timer ??= setTimeout(() => this.#look(id), lookMs).unref();
      }),
    };
    this.#watched.set(id, entry);
  }

  forget(id: string): void {
    const entry = this.#watched.get(id);
    entry?.watcher.close();
    clearTimeout(entry?.timer);
    this.#watched.delete(id);
  }

  close(): void {
    for (const id of [...this.#watched.keys()]) this.forget(id);
  }

  #look(id: string): void {
    const entry = this.#watched.get(id);
    if (!entry) return;
    entry.timer = undefined;
    const stat = statSync(entry.path, { throwIfNoEntry: false });
    if (!stat || stat.size <= this.#limits.maxBytes) return;
    this.forget(id);
    rotateLog(entry.path, this.#limits.files);
    this.#reopen(id).then(
      () => this.follow(id, entry.path),
      (error) => this.#log.warn("a log could not be rotated", { path: entry.path, error }),
    );
  }
}
