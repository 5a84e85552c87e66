// Writes the files of a container's directory that launch.sh and exec.sh read.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import type { ContainerConfig, Mount } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import type { Image } from "../images/image.ts";
import type { Cgroup } from "./cgroup.ts";
import { quote } from "./command.ts";
import { commandLine, type LineOptions, sortEnvironment, type Tools } from "./command-line.ts";
import { fstab } from "./fstab.ts";
import type { HostRoot } from "./host-root.ts";
import { identityOf } from "./identity.ts";
import type { LayeredRoot } from "./layers.ts";
import { prepareRoot } from "./rootfs.ts";
import type { OciSandbox } from "./sandbox.ts";

export interface PrepareOptions {
  directory: string;
  config: ContainerConfig;
  image: Image;
  sandbox: OciSandbox;
  cgroup: Cgroup | undefined;
  host: HostRoot;
  /** The agent's own cgroup directories. */
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
  const { directory, config, image, sandbox, cgroup, tools, rootless } = options;
  const security = config.security ?? {};
  const root = prepareRoot({
    directory,
    image: image.root,
    host: options.host,
    code: options.code,
    hidden: options.hidden,
    readonly: security.readonlyRootfs ?? false,
    privileged: security.privileged ?? false,
    rootless,
    devices: options.devices,
    shm: sandbox.shm,
    cgroups: cgroup?.directories ?? new Map(),
    mounts: config.mounts,
  });
  const identity = identityOf(root.view, image.user, security);
  if (rootless && identity.uid !== 0) {
    throw new RuntimeError(
      "Unsupported",
      `runAsUser ${identity.uid}: without root on the node, containers run as one user, shown as 0`,
    );
  }
  if (security.nonRoot && identity.uid === 0) {
    throw new RuntimeError(
      "InvalidArgument",
      "container has runAsNonRoot and image will run as root: set runAsUser, or USER in the image",
    );
  }
  const argv = [...(config.command ?? image.entrypoint), ...(config.args ?? (config.command ? [] : image.cmd))];
  if (argv.length === 0)
    throw new RuntimeError("InvalidArgument", "no command specified: neither the container nor the image has one");
  const workingDir = config.workingDir || image.workingDir || "/";
  makeWorkingDirectory(root.view, workingDir, identity);
  const environment = environmentOf(config, image, sandbox.record.config.hostname, identity.home);
  const line: Omit<LineOptions, "root"> = {
    tools,
    identity,
    security,
    rootless,
    workingDir,
    environment: sortEnvironment(environment),
    envProgram: ["/usr/bin/env", "/bin/env"].find((path) => root.view.locate(path).stat?.isFile()),
  };
  const program = commandLine({ ...line, root: "." }, argv.map(quote).join(" "));
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text, { mode: 0o600 });
  write("run", config.tty ? terminalLine(tools, program) : program);
  write("exec", commandLine({ ...line, root: "/.." }, '"$@"'));
  write("fstab", fstab(root.entries));
  write("launch.conf", launchConf(options, root.path));
  const path = environment.findLast(({ name }) => name === "PATH")?.value ?? defaultPath;
  return {
    view: root.view,
    root: root.path,
    mounts: root.mounts,
    cannotRun: whyNot(root.view, argv[0] as string, path, workingDir),
  };
}

function launchConf({ config, sandbox, cgroup, home, tools, rootless }: PrepareOptions, root: string): string {
  const { hostPID, sharePID } = sandbox.record.config.namespaces;
  const flags = ["--mount", "--propagation", "slave"];
  if (!hostPID && !sharePID) flags.push("--pid");
  if (cgroup) flags.push("--cgroup");
  const enter = [tools.nsenter, ...sandbox.enter(rootless), tools.unshare, ...flags];
  const variables = {
    sh: tools.sh,
    mkfifo: tools.mkfifo,
    mount: tools.mount,
    root,
    enter: enter.map(quote).join(" "),
    cgroups: cgroup ? [...cgroup.directories.values()].join(" ") : "",
    home: cgroup ? home.join(" ") : "",
    stdin: config.stdin ? "stdin" : "",
    oom: rootless ? "" : String(config.resources?.oomScoreAdjust ?? ""),
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join("");
}

/** script(1) gives the program a terminal, and ends as the program does. */
function terminalLine(tools: Tools, program: string): string {
  if (!tools.script) throw new RuntimeError("Unsupported", "tty: true needs the program script (Debian's bsdutils)");
  return `export SHELL=${quote(tools.sh)}\nexec ${quote(tools.script)} -q -e -f -c ${quote(program)} /dev/null\n`;
}

function environmentOf(config: ContainerConfig, image: Image, hostname: string, home: string) {
  const base: Record<string, string> = { PATH: defaultPath, HOSTNAME: hostname, HOME: home };
  if (config.tty) base.TERM = "xterm";
  const all = Object.entries({ ...base, ...image.env }).map(([name, value]) => ({ name, value }));
  return [...all, ...config.env];
}

function makeWorkingDirectory(view: LayeredRoot, path: string, identity: { uid: number; gid: number }): void {
  if (!path.startsWith("/")) throw new RuntimeError("InvalidArgument", `workingDir "${path}" is not an absolute path`);
  const { stat, host } = view.locate(path);
  if (stat?.isDirectory()) return;
  if (stat) throw new RuntimeError("InvalidArgument", `workingDir ${path} is not a directory`);
  // Below a volume or in the image: either way made where the container will see it.
  mkdirSync(host, { recursive: true, mode: 0o755 });
  void identity;
}

/** Looks the program up as the kernel will. */
function whyNot(view: LayeredRoot, program: string, path: string, workingDir: string): string | undefined {
  const candidates = program.includes("/")
    ? [posix.resolve(workingDir, program)]
    : path.split(":").map((directory) => posix.join(directory || workingDir, program));
  const found = candidates.map((one) => view.locate(one).stat);
  if (found.some((stat) => stat?.isFile() && (stat.mode & 0o111) !== 0)) return undefined;
  const there = found.find((stat) => stat !== undefined);
  if (!program.includes("/")) return `exec: "${program}": executable file not found in $PATH`;
  if (!there) return `exec: "${program}": stat ${program}: no such file or directory`;
  return `exec: "${program}": ${there.isDirectory() ? "is a directory" : "permission denied"}`;
}
