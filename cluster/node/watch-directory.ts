// Tells of changes in a directory that may not be there yet.
import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import type { Logger } from "@capstan/base/log";

/**
 * Calls `changed` after something in the directory, or in the directories in it, has changed, until the signal aborts.
 * While it is not there, the nearest directory above is watched.
 */
export function watchDirectory(path: string, changed: () => void, log: Logger, signal: AbortSignal): void {
  const watchers = new Map<string, FSWatcher>();
  const stop = (directory: string) => {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  };
  const arm = () => {
    if (signal.aborted) return;
    const wanted = new Set(toWatch(path));
    for (const directory of watchers.keys()) if (!wanted.has(directory)) stop(directory);
    for (const directory of wanted) {
      if (watchers.has(directory)) continue;
      try {
        const watcher = watch(directory, { persistent: false }, () => {
          // One that went and came back is another one.
          if (!isDirectory(directory)) stop(directory);
          arm();
          changed();
        });
        watcher.on("error", () => stop(directory));
        watchers.set(directory, watcher);
      } catch (error) {
        // It went since it was listed: the directory above tells so.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
        log.warn("a directory's changes are seen only when something else looks there", { directory, error });
      }
    }
  };
  arm();
  signal.addEventListener("abort", () => [...watchers.keys()].forEach(stop), { once: true });
}

const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function toWatch(path: string): string[] {
  if (!isDirectory(path)) return path === "/" ? [] : toWatch(dirname(path));
  const inside = readdirSync(path).map((name) => join(path, name));
  return [path, ...inside.filter(isDirectory)];
}
