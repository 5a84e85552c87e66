import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aborted, deferred } from "@capstan/base/async";
import { RuntimeError } from "../cri.ts";
import { InProcessRuntime } from "../in-process-runtime.ts";
import { type Bridge, openBridge } from "../network/bridge.ts";
import { findTool } from "../oci/command.ts";
import type { Runtime, RuntimeOptions } from "../runtime.ts";
import { type Connection, openConnection, socketOf } from "./connection.ts";
import { RemoteDriver } from "./driver.ts";
import { RemoteImages } from "./images.ts";
import { instanceName, remoteDirectory } from "./place.ts";

export interface RemoteRuntimeOptions extends RuntimeOptions {
  /** `unix:///run/containerd/containerd.sock`, or the path alone. */
  endpoint: string;
}

/**
 * The `cri` driver: containers and images of a runtime that speaks runtime.v1 at a socket. Pods are on the network that
 * its CNI configuration makes.
 * @throws RuntimeError InvalidArgument
 */
export function createRemoteRuntime(options: RemoteRuntimeOptions): Runtime {
  const { dataDir, network, log, inProcess = new Map() } = options;
  const socket = socketOf(options.endpoint);
  if (options.imageMap?.length) {
    const [first] = options.imageMap;
    throw new RuntimeError(
      "InvalidArgument",
      `--image-map maps "${first?.pattern}" to files of this machine, which only Capstan's own runtime can run: ` +
        `leave it out, or --runtime cri:${options.endpoint}`,
    );
  }
  const directory = remoteDirectory(dataDir);
  const connection = openConnection(socket);
  const builtin = ["capstan/host", ...(options.builtinImages ?? []).map(({ name }) => name)];
  const images = new RemoteImages({ connection, builtin, inProcess: inProcess.keys(), log });
  const instance = instanceName(network, dataDir);
  const driver = new RemoteDriver({ connection, images, directory, instance, log });
  const runtime = new InProcessRuntime(driver, inProcess, join(directory, "in-process"), log, options.guardTraffic);
  const ready = deferred();
  ready.promise.catch((error) => log.debug("no containers can be started", { error }));
  let bridge: Bridge | undefined;
  let found = { name: "cri", version: "", lacks: [] as string[] };
  return {
    runtime,
    images,
    name: "cri",
    ready: ready.promise,
    version: () => `${found.name}://${found.version}`,
    missing: () => found.lacks,
    async start(signal) {
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        found = await shakeHands(connection);
        // For whoever removes what this agent leaves when it is killed.
        writeFileSync(join(directory, "endpoint"), options.endpoint, { mode: 0o600 });
        // Services and names have their addresses there; the pods themselves are not on it.
        const ip = findTool("ip");
        if (network.bridge && ip && options.share?.ownsBridge !== false) bridge = await openBridge(network, ip);
        await Promise.all([driver.open(found.name), images.refresh()]);
        runtime.open();
        ready.resolve();
      } catch (error) {
        connection.close();
        ready.reject(error);
        throw error;
      }
      await aborted(signal);
      await runtime.close();
      await driver.close();
      rmSync(join(directory, "endpoint"), { force: true });
      connection.close();
      await bridge?.remove();
    },
  };
}

/** @returns who answers, and what it says it lacks. @throws RuntimeError that says what there is instead of one that can be used. */
async function shakeHands(connection: Connection): Promise<{ name: string; version: string; lacks: string[] }> {
  const { socket } = connection;
  if (!existsSync(socket)) {
    throw new RuntimeError(
      "Unsupported",
      `there is no socket ${socket}: start the container runtime (systemctl start containerd), or name its socket with --runtime cri:unix:///PATH`,
    );
  }
  try {
    const { runtimeName, runtimeVersion } = await connection.call("runtime.v1.RuntimeService/Version", {
      version: "v1",
    });
    const { status } = await connection.call("runtime.v1.RuntimeService/Status", {});
    const lacks = (status?.conditions ?? []).filter((one) => !one.status).map((one) => `${one.type}: ${one.message}`);
    return { name: runtimeName || "cri", version: runtimeVersion ?? "", lacks };
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== "Unsupported") throw error;
    throw new RuntimeError(
      "Unsupported",
      `what listens at ${socket} does not speak CRI's runtime.v1 (${error.message}): in containerd it is the plugin cri, which ` +
        "disabled_plugins of /etc/containerd/config.toml must not name",
    );
  }
}
