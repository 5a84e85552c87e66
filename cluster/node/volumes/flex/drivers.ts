// The FlexVolume drivers of a node: programs at `<directory>/<vendor>~<driver>/<driver>`, there or gone at any moment.
// Source: k8s.io/kubernetes pkg/volume/flexvolume probe.go.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@capstan/base/log";
import { watchDirectory } from "../../watch-directory.ts";
import { type CallOptions, type Capabilities, callDriver, type DriverAnswer, NotSupported } from "./call.ts";

/** Where the kubelet looks for drivers unless it is told otherwise. */
export const defaultPluginDirectory = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec";

export interface Driver {
  /** `<vendor>/<driver>`, as volumes name it. */
  name: string;
  path: string;
  capabilities: Capabilities;
  /** Rejects with NotSupported without asking, once the driver has said so. */
  call(args: string[], signal?: AbortSignal): Promise<DriverAnswer>;
}

export interface DriversOptions {
  directory: string;
  timeoutMs?: number | undefined;
}

export class Drivers {
  readonly directory: string;
  readonly #options: CallOptions;
  /** Drivers that were asked what they can, with the file that they were. */
  readonly #known = new Map<string, { file: string; driver: Promise<Driver> }>();

  constructor({ directory, timeoutMs }: DriversOptions) {
    this.directory = directory;
    this.#options = { timeoutMs };
  }

  /** The drivers of the directory that a record was written with: another agent may have been told of another one. */
  of(directory: string): Drivers {
    return directory === this.directory ? this : new Drivers({ ...this.#options, directory });
  }

  /** Looks at the directory each time. @throws when the driver is not there, or does not start. */
  async find(name: string): Promise<Driver> {
    const path = this.#locate(name);
    if (!path) {
      const place = join(this.directory, name.replace("/", "~"), name.split("/").at(-1) ?? "");
      throw new Error(
        `no volume plugin matched: driver "${name}" is not installed, it must be an executable at ${place}`,
      );
    }
    const { ino, mtimeMs, size } = statSync(path);
    const file = `${path} ${ino} ${mtimeMs} ${size}`;
    const known = this.#known.get(name);
    if (known?.file === file) return await known.driver;
    const driver = this.#init(name, path);
    this.#known.set(name, { file, driver });
    try {
      return await driver;
    } catch (error) {
      if (this.#known.get(name)?.driver === driver) this.#known.delete(name);
      throw error;
    }
  }

  /** Calls back when drivers may have come or gone. */
  watch(changed: () => void, log: Logger, signal: AbortSignal): void {
    watchDirectory(this.directory, changed, log, signal);
  }

  /** The directory is read, so that no name leads out of it. */
  #locate(name: string): string | undefined {
    for (const entry of list(this.directory)) {
      if (entry.startsWith(".") || entry.replace("~", "/") !== name) continue;
      const path = join(this.directory, entry, entry.split("~").at(-1) ?? "");
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat?.isFile() && (stat.mode & 0o111) !== 0) return path;
    }
    return undefined;
  }

  async #init(name: string, path: string): Promise<Driver> {
    const { capabilities } = await callDriver(path, ["init"], this.#options);
    const unsupported = new Set<string>();
    const options = this.#options;
    return {
      name,
      path,
      capabilities,
      async call(args, signal) {
        const [command = ""] = args;
        if (unsupported.has(command)) throw new NotSupported(`${command}: Not supported`);
        try {
          return await callDriver(path, args, { ...options, signal });
        } catch (error) {
          if (error instanceof NotSupported) unsupported.add(command);
          throw error;
        }
      },
    };
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
