// A container as scripts for util-linux's programs.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../cri.ts";
import { quote } from "./command.ts";
import { commandLine, type LineOptions, sortEnvironment, type Tools } from "./command-line.ts";
import { bind, type MountEntry } from "./fstab.ts";
import type { ContainerPlan } from "./plan.ts";
import type { PreparedRoot } from "./rootfs.ts";

/** Writes what launch.sh and exec.sh run in the container's namespaces. @throws RuntimeError Unsupported */
export function writeScripts(plan: ContainerPlan, { tools, rootless }: { tools: Tools; rootless: boolean }): void {
  const { argv, environment, identity, root, security, workingDir } = plan;
  const wanted = security.seccomp?.type ?? "Unconfined";
  if (wanted !== "Unconfined") {
    throw new RuntimeError(
      "Unsupported",
      `seccompProfile.type ${wanted}: containers of this node have no filter of system calls, which needs runc and root`,
    );
  }
  const line: Omit<LineOptions, "root"> = {
    ...{ tools, identity, security, rootless, workingDir },
    environment: sortEnvironment(environment),
    envProgram: ["/usr/bin/env", "/bin/env"].find((path) => root.view.locate(path).stat?.isFile()),
  };
  const write = (name: string, text: string) => writeFileSync(join(plan.directory, name), text, { mode: 0o600 });
  const program = commandLine({ ...line, root: "." }, argv.map(quote).join(" "));
  write("run", plan.tty ? terminalLine(tools, program) : program);
  write("exec", commandLine({ ...line, root: "/.." }, '"$@"'));
}

/** All mounts of a container, in their order. */
export function mountsOf(root: PreparedRoot, readonly: boolean): MountEntry[] {
  const at = (path: string) => root.path + path;
  return [
    ...root.base,
    ...root.inner,
    ...root.frozen.map((path) => bind(at(path), at(path), "bind,ro")),
    ...root.masked.map((path) => bind("/dev/null", at(path))),
    // What makes a terminal for a container runs with the node's root: it finds the container's own terminals too.
    bind(`${root.path}/dev/pts`, "/dev/pts"),
    ...(readonly ? [{ source: "none", target: root.path, type: "none", options: "remount,bind,ro" }] : []),
  ];
}

/** script(1) gives the program a terminal, and ends as the program does. */
function terminalLine(tools: Tools, program: string): string {
  if (!tools.script) throw new RuntimeError("Unsupported", "tty: true needs the program script (Debian's bsdutils)");
  return `export SHELL=${quote(tools.sh)}\nexec ${quote(tools.script)} -q -e -f -c ${quote(program)} /dev/null\n`;
}
