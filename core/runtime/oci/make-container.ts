// From a pod's wish to a container that is mounted and waits to be started.
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { type ContainerConfig, RuntimeError } from "../cri.ts";
import type { Image } from "../images/image.ts";
import { parseReference } from "../images/reference.ts";
import type { Cgroups } from "./cgroup.ts";
import type { Tools } from "./command-line.ts";
import { type ContainerRecord, type Launcher, OciContainer } from "./container.ts";
import type { HostRoot } from "./host-root.ts";
import { type Launched, launch, readFifo } from "./launch.ts";
import { groupOf } from "./pod-group.ts";
import { type Prepared, prepareContainer } from "./prepare.ts";
import { removeTree } from "./remove-tree.ts";
import { runcFailure } from "./runc.ts";
import type { OciSandbox } from "./sandbox.ts";
import { signalNumber } from "./signals.ts";
import { verifyMounts } from "./verify-mounts.ts";

export interface MakeOptions {
  /** Of the driver. */
  directory: string;
  tools: Tools;
  cgroups: Cgroups | undefined;
  host: HostRoot;
  code?: string;
  hidden: string[];
  rootless: boolean;
  launcher: Launcher;
  /** First process of the container whose PID namespace the new one joins. */
  target?: number | undefined;
}

/** What was made of it is gone when it rejects. */
export async function makeContainer(
  options: MakeOptions,
  sandbox: OciSandbox,
  config: ContainerConfig,
  image: Image,
): Promise<OciContainer> {
  const { cgroups, launcher } = options;
  const id = randomBytes(32).toString("hex");
  const directory = join(options.directory, "containers", id);
  // runc sets the limits itself.
  const group = groupOf(sandbox.record, id);
  const cgroup = cgroups?.create(group, launcher === "runc" ? {} : (config.resources ?? {}));
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const prepared = prepareContainer({
      ...options,
      ...{ id, directory, config, image, cgroup, sandbox },
      home: cgroups ? [...cgroups.home, cgroups.createHolder(sandbox.record.id)] : [],
      devices: join(options.directory, "devices"),
    });
    const { env: _, ...stored } = config;
    const record: ContainerRecord = {
      ...{ id, sandboxId: sandbox.record.id, imageId: image.id, launcher },
      ...imageRefOf(image, config.image),
      ...(image.stopSignal ? { stopSignal: signalNumber(image.stopSignal) } : {}),
      createdAt: new Date().toISOString(),
      config: stored,
      ...(config.retries ? { places: prepared.mounts } : {}),
      layers: prepared.view.mounts,
    };
    const container = new OciContainer(record, directory, prepared.view, cgroup);
    container.save();
    const cannotRun = prepared.cannotRun ?? (await launchContainer(container, prepared, sandbox, options.tools));
    if (cannotRun === undefined) return container;
    const broken = new OciContainer(record, directory, prepared.view, cgroup);
    broken.cannotRun = cannotRun;
    return broken;
  } catch (error) {
    removeTree(directory);
    await cgroups?.remove(group);
    throw error;
  }
}

/** Of the repository that the pod names, where the image was pulled from several. */
function imageRefOf({ digests = [] }: Image, name: string): Pick<ContainerRecord, "imageRef"> {
  if (digests.length === 0 || name.startsWith("sha256:")) return {};
  const { registry, repository } = parseReference(name);
  return { imageRef: digests.find((one) => one.startsWith(`${registry}/${repository}@`)) ?? digests[0] };
}

/** Whether the simplest of all containers can be made. */
export async function canMake(options: MakeOptions, sandbox: OciSandbox): Promise<boolean> {
  const image: Image = {
    ...{ id: "none", names: [], root: { kind: "host" }, user: "", size: 0 },
    ...{ entrypoint: [], cmd: ["true"], env: {}, workingDir: "/" },
  };
  const logPath = join(options.directory, "trial.log");
  const config = { name: "trial", attempt: 0, image: "", env: [], mounts: [], labels: {}, logPath };
  try {
    const container = await makeContainer({ ...options, target: undefined }, sandbox, config, image);
    await container.stop(0);
    removeTree(container.directory);
    await options.cgroups?.remove(groupOf(sandbox.record, container.record.id));
    return true;
  } catch (error) {
    if (error instanceof RuntimeError) return false;
    throw error;
  }
}

/** Makes the process of a container that is prepared. Resolves to the reason when its program cannot be started. */
export async function launchContainer(
  container: OciContainer,
  prepared: Pick<Prepared, "root" | "mounts">,
  sandbox: OciSandbox,
  tools: Tools,
): Promise<string | undefined> {
  const { config, launcher } = container.record;
  const script = join(import.meta.dirname, "launch.sh");
  const what = `container "${config.name}"`;
  const launched: Launched = launch(tools.sh, [script, "join", container.directory], what);
  let say: Socket | undefined;
  try {
    await launched.said("made");
    if (config.stdin) container.openInput();
    if (launcher === "runc") {
      say = readFifo(join(container.directory, "say"));
      launched.hear(say);
    }
    const [pid] = await Promise.all([launched.said("pid"), launched.said("mounted")]);
    verifyMounts({ pid: Number(pid), before: sandbox.pid, root: prepared.root, mounts: prepared.mounts });
    launched.child.stdin?.write("root\n");
    await launched.said("ready");
    container.connect(launched);
    return undefined;
  } catch (error) {
    await container.abandon(launched);
    const failure = launcher === "runc" ? runcFailure(container.directory) : undefined;
    if (failure?.includes("container process: exec: ")) return failure;
    if (failure) throw new RuntimeError("Failed", `${what}: ${failure}`);
    throw error;
  } finally {
    say?.destroy();
  }
}
