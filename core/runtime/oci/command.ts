import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { RuntimeError } from "../cri.ts";

const directories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

/** Absolute path of a program of the node, looked up where systems keep theirs: the caller's PATH does not matter. */
export function findTool(name: string): string | undefined {
  for (const directory of directories) {
    const path = `${directory}/${name}`;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch (error) {
      if (!["ENOENT", "EACCES", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return undefined;
}

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program of the node to its end. Rejects only when it cannot be started. */
export function run(program: string, args: string[], input = ""): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: {} });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? (signal ? 137 : 1), stdout, stderr }));
    // A program that ends without reading its input is not an error of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** As run, and rejects when the program fails, with what it wrote to stderr. */
export async function mustRun(program: string, args: string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, input);
  if (code !== 0) {
    throw new RuntimeError("Failed", `${[program, ...args].join(" ")}: ${stderr.trim() || `exit code ${code}`}`);
  }
  return stdout;
}

/** One word of a POSIX shell command line. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
