// What the agent must still know of sandboxes and containers when it is started again: a file for each.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerConfig, PodSandboxConfig } from "../cri.ts";
import type { Layered } from "../oci/layers.ts";

export interface SandboxRecord {
  key: string;
  attempt: number;
  config: PodSandboxConfig;
}

export interface ContainerRecord {
  key: string;
  sandboxId: string;
  imageId: string;
  /** Without its environment, which may hold secrets. */
  config: Omit<ContainerConfig, "env">;
  /** Directories of the container's root, where the runtime tells them. */
  layers?: Layered[];
  /** Directory of mounts that were made for the container alone. */
  mounts?: string;
}

/** Records of one kind, by key. */
export class Records<T extends { key: string }> {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  save(record: T): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#path(record.key);
    writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  remove(key: string): void {
    rmSync(this.#path(key), { force: true });
  }

  /** All that can be read; half-written ones are removed. */
  read(): Map<string, T> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const found = new Map<string, T>();
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (name.endsWith(".json")) {
        const record = JSON.parse(readFileSync(path, "utf8")) as T;
        found.set(record.key, record);
      } else rmSync(path, { force: true });
    }
    return found;
  }

  #path(key: string): string {
    return join(this.#directory, `${key}.json`);
  }
}
