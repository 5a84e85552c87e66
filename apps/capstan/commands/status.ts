import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { dirname } from "node:path";
import { askStatus, type InstanceStatus } from "../instance/control.ts";
import { locateDataDirectory } from "../instance/data-directory.ts";
import { parse, parseNumber } from "./usage.ts";

export async function status(args: string[]): Promise<number> {
  const { values } = parse("status", args, {
    "data-dir": { type: "string" },
    wait: { type: "string" },
    json: { type: "boolean" },
  });
  const seconds = values.wait === undefined ? 0 : parseNumber("status", "--wait", values.wait, 0, 86_400);
  const directory = locateDataDirectory(values["data-dir"]);
  const found = await waitForStatus(directory.root, directory.socket, seconds * 1000);
  if (values.json) console.log(JSON.stringify(found ?? { ready: false, parts: [], addresses: {} }));
  else
    console.log(
      found
        ? render(found)
        : `Nothing runs on ${directory.root}. Start it with: capstan up --data-dir ${directory.root}`,
    );
  return found?.ready ? 0 : 1;
}

/** Waits for the control socket to appear by watching its directory, then for the parts by asking once. */
async function waitForStatus(root: string, socket: string, ms: number): Promise<InstanceStatus | undefined> {
  const deadline = Date.now() + ms;
  for (;;) {
    const left = Math.max(0, deadline - Date.now());
    const enough = new AbortController();
    const signal = AbortSignal.any([AbortSignal.timeout(left), enough.signal]);
    // Watching begins before asking: a socket that appears in between is seen.
    const change = changeIn(existsSync(root) ? root : dirname(root), signal);
    try {
      const found = await askStatus(socket, left);
      if (found || left === 0) return found;
      await change;
    } finally {
      enough.abort();
    }
  }
}

/** Resolves at the next change in a directory, or when the signal aborts. */
async function changeIn(directory: string, signal: AbortSignal): Promise<void> {
  const watcher = watch(directory, { signal });
  try {
    await once(watcher, "change", { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function render({ pid, ready, parts, addresses }: InstanceStatus): string {
  const width = Math.max(...parts.map((part) => part.name.length), 1);
  const lines = parts.map((part) => `  ${part.ready ? "●" : "○"} ${part.name.padEnd(width)}  ${part.message}`);
  const where = Object.entries(addresses).map(([name, address]) => `  ${name.padEnd(width + 2)}  ${address}`);
  return [`${ready ? "Ready" : "Not ready"} (process ${pid})`, ...lines, ...where].join("\n");
}
