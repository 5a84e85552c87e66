// Tells when a table was deleted: somebody who flushes the whole ruleset does not know whose it is.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { aborted } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import { findTool } from "../oci/command.ts";

export interface NftMonitor {
  /** Calls `deleted` when the table goes, whoever did it. Returns the way to stop. */
  onDeleted(table: string, deleted: () => void): () => void;
  /** Resolves when the signal aborted and its program has ended. Without nft it does nothing. */
  start(signal: AbortSignal): Promise<void>;
}

export function createNftMonitor(log: Logger): NftMonitor {
  const listeners = new Map<string, Set<() => void>>();
  return {
    onDeleted(table, deleted) {
      const own = listeners.get(table) ?? new Set();
      listeners.set(table, own);
      own.add(deleted);
      return () => own.delete(deleted);
    },
    async start(signal) {
      const [nft, setpriv] = [findTool("nft"), findTool("setpriv")];
      if (nft && setpriv && process.getuid?.() === 0) {
        // It goes with this process, however that ends.
        const args = ["--pdeathsig", "KILL", nft, "monitor", "destroy", "tables"];
        const child = spawn(setpriv, args, { stdio: ["ignore", "pipe", "ignore"], env: {} });
        child.on("error", (error) => log.warn("deleted nftables tables are not noticed", { error }));
        createInterface({ input: child.stdout }).on("line", (line) => {
          const [, name = ""] = /^delete table ip (\S+)/.exec(line) ?? [];
          for (const deleted of listeners.get(name) ?? []) deleted();
        });
        const ended = once(child, "close");
        await Promise.race([aborted(signal), ended]);
        if (!signal.aborted) log.warn("deleted nftables tables are not noticed any more: nft monitor has ended", {});
        child.kill("SIGKILL");
        await ended;
      }
      await aborted(signal);
    },
  };
}
