import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import type { Grant } from "./plugin.ts";

export interface Allocation extends Grant {
  ids: string[];
}

/** Which container holds which devices: pod UID → container → resource. */
export type Allocations = Record<string, Record<string, Record<string, Allocation>>>;

export interface Checkpoint {
  /** Resources that plugins have registered: they count as none until they do so again. */
  resources: string[];
  pods: Allocations;
}

/** @throws when the file is none of ours: the devices that running containers hold would be given away twice. */
export function readCheckpoint(path: string): Checkpoint {
  if (!existsSync(path)) return { resources: [], pods: {} };
  const read: unknown = JSON.parse(readFileSync(path, "utf8"));
  const { resources, pods } = (read ?? {}) as Partial<Checkpoint>;
  if (!Array.isArray(resources) || typeof pods !== "object" || pods === null) {
    throw new Error(`${path}: is no record of devices. Remove it once no pod of this node uses a device`);
  }
  return { resources, pods };
}

/** All or nothing: a crash leaves the old file or the new one. */
export function writeCheckpoint(path: string, checkpoint: Checkpoint): void {
  const next = `${path}.next`;
  const file = openSync(next, "w", 0o600);
  try {
    writeSync(file, JSON.stringify(checkpoint));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, path);
}
