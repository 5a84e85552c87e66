// Builds argoexec by the machine's C compiler: one static program, for any image of the machine's architecture.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

const compilers = ["cc", "gcc", "clang"];

/** Why it cannot be built here; undefined where it can. */
export function compilerMissing(): string | undefined {
  return findCompiler() ? undefined : "argoexec needs a C compiler (Debian's gcc and libc6-dev)";
}

function findCompiler(): string | undefined {
  return compilers.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
}

/** @throws Error with the compiler's words. */
export function buildArgoexec(output: string): void {
  const compiler = findCompiler();
  if (!compiler) throw new Error(`no C compiler: ${compilerMissing()}`);
  const sources = globSync("*.c", { cwd: import.meta.dirname }).sort();
  const flags = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s"];
  const options = { cwd: import.meta.dirname, encoding: "utf8" } as const;
  const { status, stderr } = spawnSync(compiler, [...flags, "-o", output, ...sources], options);
  if (status !== 0) throw new Error(`argoexec was not built: ${stderr}`);
}
