// Writes the files of a container's directory that launch.sh reads.
import { type Stats, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import type { ContainerConfig, Mount } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import type { Image } from "../images/image.ts";
import { writeBundle } from "./bundle.ts";
import type { Cgroup } from "./cgroup.ts";
import { quote } from "./command.ts";
import type { Tools } from "./command-line.ts";
import type { Launcher } from "./container.ts";
import { fstab } from "./fstab.ts";
import type { HostRoot } from "./host-root.ts";
import { identityOf } from "./identity.ts";
import type { LayeredRoot } from "./layers.ts";
import type { ContainerPlan } from "./plan.ts";
import { type PreparedRoot, prepareRoot } from "./rootfs.ts";
import type { OciSandbox } from "./sandbox.ts";
import { mountsOf, writeScripts } from "./scripts.ts";

export interface PrepareOptions {
  id: string;
  directory: string;
  launcher: Launcher;
  config: ContainerConfig;
  image: Image;
  sandbox: OciSandbox;
  /** First process of the container whose PID namespace this one joins. */
  target?: number | undefined;
  cgroup: Cgroup | undefined;
  host: HostRoot;
  /** The cgroup directories that the process which holds the container goes to. */
  home: string[];
  devices: string;
  code?: string;
  hidden: string[];
  tools: Tools;
  rootless: boolean;
}

// What a program without a PATH gets, as containerd and Docker set it.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface Prepared {
  view: LayeredRoot;
  /** Where the root is assembled. */
  root: string;
  /** The volumes at their real places. */
  mounts: Mount[];
  /** Why the program cannot be started: known before it is tried. */
  cannotRun: string | undefined;
}

export function prepareContainer(options: PrepareOptions): Prepared {
  const { directory, config, image, sandbox, launcher } = options;
  const security = config.security ?? {};
  const shared = config.mounts.find(({ propagation }) => propagation === "Bidirectional");
  if (shared) {
    throw new RuntimeError(
      "Unsupported",
      `mountPropagation Bidirectional of ${shared.containerPath}: pods of this node begin from mounts of their own, which it does not see; HostToContainer works`,
    );
  }
  const root = prepareRoot({
    directory,
    image: image.root,
    host: options.host,
    code: options.code,
    hidden: options.hidden,
    readonly: security.readonlyRootfs ?? false,
    privileged: security.privileged ?? false,
    rootless: options.rootless,
    devices: options.devices,
    shm: sandbox.shm,
    cgroups: options.cgroup?.directories ?? new Map(),
    mounts: config.mounts,
    writable: security.readonlyRootfs ? imageVolumes(image, config.mounts) : [],
  });
  const identity = whoRuns(options, root);
  const argv = [...(config.command ?? image.entrypoint), ...(config.args ?? (config.command ? [] : image.cmd))];
  if (argv.length === 0)
    throw new RuntimeError("InvalidArgument", "no command specified: neither the container nor the image has one");
  const workingDir = config.workingDir || image.workingDir || "/";
  makeWorkingDirectory(root.view, workingDir);
  const environment = environmentOf(config, image, sandbox.record.config.hostname, identity.home);
  const plan: ContainerPlan = {
    ...{ id: options.id, directory, argv, environment, workingDir, identity, security, root },
    tty: config.tty ?? false,
  };
  if (launcher === "unshare") writeScripts(plan, options);
  else writeBundleOf(plan, options);
  const mounts = launcher === "unshare" ? mountsOf(root, security.readonlyRootfs ?? false) : root.base;
  writeFileSync(join(directory, "fstab"), fstab(mounts), { mode: 0o600 });
  writeFileSync(join(directory, "launch.conf"), launchConf(options, root.path), { mode: 0o600 });
  const path = environment.findLast(({ name }) => name === "PATH")?.value ?? defaultPath;
  return {
    view: root.view,
    root: root.path,
    mounts: root.mounts,
    cannotRun: whyNot(root.view, argv[0] as string, path, workingDir),
  };
}

function whoRuns({ config, image, rootless }: PrepareOptions, root: PreparedRoot) {
  const identity = identityOf(root.view, image.user, config.security ?? {});
  if (rootless && identity.uid !== 0) {
    throw new RuntimeError(
      "Unsupported",
      `runAsUser ${identity.uid}: without root on the node, containers run as one user, shown as 0`,
    );
  }
  if (config.security?.nonRoot && identity.uid === 0) {
    throw new RuntimeError(
      "InvalidArgument",
      "container has runAsNonRoot and image will run as root: set runAsUser, or USER in the image",
    );
  }
  return identity;
}

function writeBundleOf(plan: ContainerPlan, { cgroup, config, sandbox, target, tools }: PrepareOptions): void {
  if (!tools.runc || !cgroup) throw new RuntimeError("Unsupported", "runc needs to be installed, root, and cgroups");
  const { sh, script, runc } = tools;
  writeBundle(plan, {
    runc,
    sh,
    script,
    cgroup,
    resources: config.resources ?? {},
    sandbox: sandbox.namespaces(target),
  });
}

function launchConf(options: PrepareOptions, root: string): string {
  const { config, sandbox, target, cgroup, home, tools, rootless, launcher } = options;
  const { hostPID, sharePID } = sandbox.record.config.namespaces;
  const flags = ["--mount", "--propagation", "slave"];
  const scripts = launcher === "unshare";
  if (scripts && !hostPID && !sharePID && target === undefined) flags.push("--pid");
  if (scripts && cgroup) flags.push("--cgroup");
  // runc joins the pod's namespaces itself, all but the mounts that it begins from.
  const pod = scripts ? sandbox.enter(rootless, target) : sandbox.enterMounts();
  const enter = [tools.nsenter, ...pod, tools.unshare, ...flags];
  const variables = {
    sh: tools.sh,
    mkfifo: tools.mkfifo,
    mount: tools.mount,
    root,
    talk: scripts ? "" : "ask say",
    enter: enter.map(quote).join(" "),
    cgroups: scripts && cgroup ? [...cgroup.directories.values()].join(" ") : "",
    home: home.join(" "),
    stdin: config.stdin ? "stdin" : "",
    oom: rootless || !scripts ? "" : String(config.resources?.oomScoreAdjust ?? ""),
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join("");
}

function environmentOf(config: ContainerConfig, image: Image, hostname: string, home: string) {
  const base: Record<string, string> = { PATH: defaultPath, HOSTNAME: hostname, HOME: home };
  if (config.tty) base.TERM = "xterm";
  const all = Object.entries({ ...base, ...image.env }).map(([name, value]) => ({ name, value }));
  return [...all, ...config.env];
}

function makeWorkingDirectory(view: LayeredRoot, path: string): void {
  if (!path.startsWith("/")) throw new RuntimeError("InvalidArgument", `workingDir "${path}" is not an absolute path`);
  const { stat } = view.locate(path);
  if (stat?.isDirectory()) return;
  if (stat) throw new RuntimeError("InvalidArgument", `workingDir ${path} is not a directory`);
  // Below a volume or in the image: either way made where the container will see it.
  view.makeMountPoint(path, "directory");
}

const volumesLimit = 64;

/** What the image wants writable, where the pod mounts nothing. */
function imageVolumes({ volumes = [] }: Image, mounts: Mount[]): string[] {
  if (volumes.length > volumesLimit)
    throw new RuntimeError("InvalidImage", `the image has more volumes than the limit volumes = ${volumesLimit}`);
  const taken = ["/proc", "/sys", "/dev", ...mounts.map(({ containerPath }) => posix.resolve("/", containerPath))];
  const within = (path: string, parent: string) => path === parent || path.startsWith(`${parent}/`);
  return volumes
    .map((path) => posix.resolve("/", path))
    .filter((path) => path !== "/" && !taken.some((one) => within(path, one)))
    .sort();
}

/** Looks the program up as the kernel will. */
function whyNot(view: LayeredRoot, program: string, path: string, workingDir: string): string | undefined {
  const candidates = program.includes("/")
    ? [posix.resolve(workingDir, program)]
    : path.split(":").map((directory) => posix.join(directory || workingDir, program));
  let there: Stats | undefined;
  for (const candidate of candidates) {
    const { stat } = view.locate(candidate);
    if (stat?.isFile() && (stat.mode & 0o111) !== 0) return undefined;
    there ??= stat;
  }
  if (!program.includes("/")) return `exec: "${program}": executable file not found in $PATH`;
  if (!there) return `exec: "${program}": stat ${program}: no such file or directory`;
  return `exec: "${program}": ${there.isDirectory() ? "is a directory" : "permission denied"}`;
}
