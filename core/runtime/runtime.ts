import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { aborted, deferred } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import { type ImageService, RuntimeError, type RuntimeService } from "./cri.ts";
import type { BuiltinImage } from "./images/image.ts";
import type { ImageMapping } from "./images/image-map.ts";
import type { RegistryOptions } from "./images/registry/options.ts";
import { Images } from "./images/service.ts";
import type { InProcessImages } from "./in-process.ts";
import { InProcessRuntime, type TrafficGuard, type Unwrap } from "./in-process-runtime.ts";
import { instancePrefix } from "./leftovers.ts";
import { addressAt, parseCidr } from "./network/address.ts";
import { createAddressPool } from "./network/addresses.ts";
import { type Bridge, openBridge } from "./network/bridge.ts";
import type { InstanceNetwork } from "./network/instance.ts";
import { findTool } from "./oci/command.ts";
import type { Tools } from "./oci/command-line.ts";
import { OciDriver } from "./oci/driver.ts";

export interface RuntimeOptions {
  /** The instance's data directory: no container on the node's root sees it. State is kept below `runtime`. */
  dataDir: string;
  network: InstanceNetwork;
  /** Where several agents share the instance's network: this one's part of the pod range, and whether the bridge is its to make. */
  share?: { podCidr: string; ownsBridge: boolean };
  /** Directories beside `dataDir` that no container on the node's root sees. */
  hidden?: string[];
  /** Capstan's own code: bound read-only at /opt/capstan of containers on the node's root. */
  codeDir?: string;
  builtinImages?: BuiltinImage[];
  imageMap?: ImageMapping[];
  registries?: RegistryOptions;
  /** Images that run inside this process. */
  inProcess?: InProcessImages;
  /** Takes the wrapper off commands whose work `inProcess` does. */
  unwrap?: Unwrap;
  /** Called when a pod has its address, and waited for before anything runs in it. */
  guardTraffic?: TrafficGuard;
  /** What makes containers: runc, or util-linux's programs alone. Default auto: runc where it is installed, as root. */
  launcher?: "auto" | "runc" | "unshare";
  log: Logger;
}

export interface Runtime {
  runtime: RuntimeService;
  images: ImageService;
  name: string;
  /** `name://version`, as Nodes tell it, where containers are another program's; known once it is ready. */
  version?(): string;
  /** What containers lack on this machine, and what would give it to them. */
  missing(): string[];
  /** Resolves when containers can be started; those of an earlier agent are adopted. */
  ready: Promise<void>;
  /** Resolves when the signal aborted and every container, mount and address is gone. */
  start(signal: AbortSignal): Promise<void>;
  /**
   * Lets go of all pods as they are, instead of an end of start: another agent of the same directory adopts them.
   * Absent where an agent that is killed does the same.
   */
  detach?(): void;
}

/** The `oci` driver on Linux namespaces. @throws RuntimeError Unsupported naming the programs that are not installed. */
export function createRuntime(options: RuntimeOptions): Runtime {
  const { dataDir, network, log, inProcess = new Map(), guardTraffic, unwrap } = options;
  const directory = join(resolve(dataDir), "runtime");
  const rootless = process.getuid?.() !== 0;
  const tools = findTools(options.launcher);
  const images = new Images({
    directory: join(directory, "images"),
    builtin: options.builtinImages ?? [],
    mappings: options.imageMap ?? [],
    inProcess: inProcess.keys(),
    registries: options.registries,
    inUse: () => driver.listContainers().map(({ imageId }) => imageId),
    log,
  });
  const pool = createAddressPool(options.share?.podCidr ?? network.podCidr);
  const sandboxNetwork = {
    ...pool,
    bridge: undefined as { name: string; gateway: string; prefix: number } | undefined,
  };
  const driver = new OciDriver({
    directory,
    instance: `${instancePrefix(network)}${createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 12)}`,
    tools,
    launcher: options.launcher ?? "auto",
    network: sandboxNetwork,
    image: (name) => images.find(name),
    code: options.codeDir,
    hidden: [dataDir, ...(options.hidden ?? [])].map((path) => resolve(path)),
    rootless,
    log,
  });
  const runtime = new InProcessRuntime(driver, inProcess, join(directory, "in-process"), log, guardTraffic, unwrap);
  const ready = deferred();
  ready.promise.catch((error) => log.debug("no containers can be started", { error }));
  const letGo = deferred();
  let detached = false;
  let bridge: Bridge | undefined;
  return {
    runtime,
    images,
    name: "capstan",
    ready: ready.promise,
    detach() {
      detached = true;
      driver.detach();
      letGo.resolve();
    },
    missing() {
      const lacks = bridge?.missing ?? [
        "pods share the node's network: one of their own needs root and the program ip",
      ];
      return [
        ...lacks,
        ...(driver.limits ? [] : ["containers have no limits of cpu and memory: that needs root"]),
        ...(driver.launcher === "runc" ? [] : ["containers have no filter of system calls: that needs root and runc"]),
      ];
    },
    async start(signal) {
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        if (network.bridge && tools.ip) {
          if (options.share?.ownsBridge !== false) bridge = await openBridge(network, tools.ip);
          const range = parseCidr(network.podCidr);
          sandboxNetwork.bridge = { name: network.bridge, gateway: addressAt(range, 1), prefix: range.prefix };
        }
        await images.open();
        await driver.open();
        runtime.open();
        ready.resolve();
      } catch (error) {
        ready.reject(error);
        throw error;
      }
      await Promise.race([aborted(signal), letGo.promise]);
      if (detached) return;
      await runtime.close();
      await driver.close();
      await images.close();
      await bridge?.remove();
    },
  };
}

/** Whether pods can have networks of their own: what allocateInstanceNetwork asks. */
export function canBridge(): boolean {
  return process.getuid?.() === 0 && findTool("ip") !== undefined;
}

function findTools(launcher: RuntimeOptions["launcher"]): Tools {
  const needed = {
    sh: "dash",
    unshare: "unshare",
    nsenter: "nsenter",
    mount: "mount",
    mkfifo: "mkfifo",
    setpriv: "setpriv",
  };
  const found = Object.fromEntries(Object.entries(needed).map(([key, name]) => [key, findTool(name)]));
  found.sh ??= findTool("sh");
  const absent = Object.keys(found).filter((key) => !found[key]);
  if (absent.length > 0) {
    throw new RuntimeError(
      "Unsupported",
      `to run containers install ${absent.join(", ")} (Debian's util-linux and coreutils)`,
    );
  }
  const optional = { ip: findTool("ip"), script: findTool("script"), stty: findTool("stty"), runc: findTool("runc") };
  if (launcher === "runc" && (process.getuid?.() !== 0 || !optional.runc)) {
    throw new RuntimeError("Unsupported", "containers by runc need root and the program runc (Debian's runc)");
  }
  return { ...found, ...optional } as Tools;
}
