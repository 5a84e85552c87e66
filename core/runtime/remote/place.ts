import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { instancePrefix } from "../leftovers.ts";
import type { InstanceNetwork } from "../network/instance.ts";

/** Where an agent keeps what it must know of another runtime's containers. */
export function remoteDirectory(dataDir: string): string {
  return join(resolve(dataDir), "runtime", "cri");
}

/** Tells an agent's containers from others of the same runtime; its cgroups are not those of Capstan's own runtime. */
export function instanceName(network: InstanceNetwork, dataDir: string): string {
  return `${instancePrefix(network)}${createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 12)}-cri`;
}
