import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { aborted } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { DeviceManager } from "./manager.ts";
import type { RegisterService } from "./register-service.ts";

export interface PluginSocketOptions {
  manager: DeviceManager;
  /** Where plugins look for `kubelet.sock` and put their own. */
  directory: string;
  log: Logger;
}

/** Bytes of a socket's path: sun_path of unix(7), with its end. */
const pathLimit = 107;

/**
 * Listens for device plugins until the signal aborts. Sockets of before are removed: by that plugins know that they have
 * to register again. What speaks gRPC is loaded when the first plugin comes.
 * @throws when the directory's path is too long for a socket
 */
export async function servePlugins(
  { manager, directory, log }: PluginSocketOptions,
  signal: AbortSignal,
): Promise<void> {
  const path = join(directory, "kubelet.sock");
  if (Buffer.byteLength(path) > pathLimit) {
    throw new Error(
      `${path}: a socket's path has at most ${pathLimit} bytes; use a data directory with a shorter path`,
    );
  }
  mkdirSync(directory, { recursive: true, mode: 0o750 });
  for (const name of readdirSync(directory)) {
    const old = join(directory, name);
    if (statSync(old, { throwIfNoEntry: false })?.isSocket()) rmSync(old, { force: true });
  }
  let service: Promise<RegisterService> | undefined;
  const open = async () => {
    const { createRegisterService } = await import("./register-service.ts");
    return createRegisterService({ manager, directory, log, signal });
  };
  const server = createServer((connection: Socket) => {
    connection.on("error", (error) => log.debug("a device plugin's connection broke", { error }));
    service ??= open();
    service.then(
      (opened) => opened.serve(connection),
      (error: unknown) => {
        log.error("device plugins cannot be served", { error });
        connection.destroy();
      },
    );
  });
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(path, listening.resolve);
  await listening.promise;
  await aborted(signal);
  server.close();
  await (await service)?.close();
  rmSync(path, { force: true });
}
