import type { Logger } from "@capstan/base/log";
import { findNvidiaTool } from "@capstan/core/runtime/devices";
import type { DeviceManager } from "./manager.ts";
import { createNvidiaPlugin } from "./nvidia-plugin.ts";
import { servePlugins } from "./plugin-socket.ts";

/** Where manifests of device plugins look for the node's socket. Agents keep it elsewhere, each its own. */
export const standardPluginDirectory = "/var/lib/kubelet/device-plugins";

export interface ServeDevicesOptions {
  manager: DeviceManager;
  /** Where plugins look for `kubelet.sock` and put their own. */
  directory: string;
  log: Logger;
}

/** Finds the node's GPUs and listens for plugins, until the signal aborts. */
export async function serveDevices(
  { manager, directory, log }: ServeDevicesOptions,
  signal: AbortSignal,
): Promise<void> {
  const nvidia = findNvidiaTool();
  await Promise.all([
    nvidia ? manager.register(createNvidiaPlugin(nvidia), signal) : undefined,
    servePlugins({ manager, directory, log }, signal).catch((error: unknown) => {
      log.error("device plugins cannot register", { error });
    }),
  ]);
}
