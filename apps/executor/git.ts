// The program `git`, for what only it can do.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { GitRun } from "@capstan/core/artifacts";

const execute = promisify(execFile);
/** Most that is kept of what it prints, bytes. */
const outputLimit = 16 * 2 ** 20;

/** Sees of the environment only where programs are: nobody's configuration, keys or agents. */
export async function runGit({ args, env, signal }: GitRun): Promise<string> {
  const own = {
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    LC_ALL: "C",
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
  };
  try {
    const { stdout } = await execute("git", args, { env: { ...own, ...env }, signal, maxBuffer: outputLimit });
    return stdout;
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT")
      throw new Error(
        "the program git is not installed here, and cloning over ssh needs it and ssh: install git and openssh-client",
      );
    throw new Error(`git ${args[0]}: ${(stderr ?? "").trim().slice(-2000) || (error as Error).message}`, {
      cause: error,
    });
  }
}
