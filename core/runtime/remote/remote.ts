import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aborted, deferred } from "@capstan/base/async";
import { RuntimeError } from "../cri.ts";
import { mappingOf, repositoryOf } from "../images/image-map.ts";
import { InProcessRuntime } from "../in-process-runtime.ts";
import { createRuntime, type Runtime, type RuntimeOptions } from "../runtime.ts";
import { type Connection, openConnection, socketOf } from "./connection.ts";
import { RemoteDriver } from "./driver.ts";
import { RemoteImages } from "./images.ts";
import { instanceName, remoteDirectory } from "./place.ts";
import { SideBySide, SideBySideImages } from "./side-by-side.ts";

export interface RemoteRuntimeOptions extends RuntimeOptions {
  /** `unix:///run/containerd/containerd.sock`, or the path alone. */
  endpoint: string;
}

/**
 * The `cri` driver: containers and images of a runtime that speaks runtime.v1 at a socket. Pods are on the network that
 * its CNI configuration makes. Images that are files of this machine (built in, or mapped) no such runtime has: pods of
 * these run in Capstan's own, beside it.
 * @throws RuntimeError InvalidArgument
 */
export function createRemoteRuntime(options: RemoteRuntimeOptions): Runtime {
  const { builtinImages = [], imageMap = [], inProcess = new Map() } = options;
  const builtin = new Set(["capstan/host", ...builtinImages.map(({ name }) => name)]);
  const isOwn = (image: string) => builtin.has(repositoryOf(image)) || mappingOf(imageMap, image) !== undefined;
  const isInside = (image: string) => inProcess.has(repositoryOf(image));
  const remote = createRemoteSide(options);
  const own = createRuntime(options);
  const sides = { own, remote, isOwn, isInside };
  const all = [own, remote];
  const ready = remote.ready.then(() => own.ready);
  ready.catch((error) => options.log.debug("no containers can be started", { error }));
  return {
    ...remote,
    runtime: new SideBySide(sides),
    images: new SideBySideImages(sides),
    ready,
    missing: () => all.flatMap((side) => side.missing()),
    detach() {
      for (const side of all) side.detach?.();
    },
    async start(signal) {
      const over = new AbortController();
      const until = AbortSignal.any([signal, over.signal]);
      const running = [remote.start(until)];
      try {
        // A runtime that does not answer is the likelier failure.
        await Promise.race([remote.ready, ...running]);
        running.push(own.start(until));
        await Promise.all(running);
      } finally {
        // Where one cannot start, the other ends too.
        over.abort();
        await Promise.allSettled(running);
      }
    },
  };
}

function createRemoteSide(options: RemoteRuntimeOptions): Runtime {
  const { dataDir, network, log, inProcess = new Map() } = options;
  const socket = socketOf(options.endpoint);
  const directory = remoteDirectory(dataDir);
  const connection = openConnection(socket);
  const images = new RemoteImages({ connection, log });
  const instance = instanceName(network, dataDir);
  const driver = new RemoteDriver({ connection, images, directory, instance, log });
  const { guardTraffic, unwrap } = options;
  const runtime = new InProcessRuntime(driver, inProcess, join(directory, "in-process"), log, guardTraffic, unwrap);
  const ready = deferred();
  ready.promise.catch((error) => log.debug("no containers can be started", { error }));
  const letGo = deferred();
  let detached = false;
  let found = { name: "cri", version: "", lacks: [] as string[] };
  return {
    runtime,
    images,
    name: "cri",
    ready: ready.promise,
    version: () => `${found.name}://${found.version}`,
    missing: () => found.lacks,
    detach() {
      detached = true;
      driver.detach();
      connection.close();
      letGo.resolve();
    },
    async start(signal) {
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        found = await shakeHands(connection);
        // For whoever removes what this agent leaves when it is killed.
        writeFileSync(join(directory, "endpoint"), options.endpoint, { mode: 0o600 });
        await Promise.all([driver.open(found.name), images.refresh()]);
        runtime.open();
        ready.resolve();
      } catch (error) {
        connection.close();
        ready.reject(error);
        throw error;
      }
      await Promise.race([aborted(signal), letGo.promise]);
      if (detached) return;
      await runtime.close();
      await driver.close();
      rmSync(join(directory, "endpoint"), { force: true });
      connection.close();
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
