import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface KubectlRun {
  stdout: string;
  stderr: string;
  code: number;
}

/** Why kubectl cannot be run here; undefined when it can. */
export function kubectlMissing(): string | undefined {
  const found = spawnSync("kubectl", ["version", "--client"], { encoding: "utf8" });
  return found.status === 0 ? undefined : "kubectl is not on the PATH";
}

/**
 * Runs kubectl with a home of its own, so that it reads nobody's configuration and shares nobody's cache.
 * @param variables of the environment beside PATH and HOME.
 */
export async function runKubectl(
  args: string[],
  input: string | undefined,
  signal: AbortSignal,
  variables: Record<string, string> = {},
): Promise<KubectlRun> {
  const home = mkdtempSync(join(tmpdir(), "kubectl-"));
  try {
    const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: "/dev/null", ...variables };
    const child = spawn("kubectl", args, { env, signal });
    child.stdin.end(input ?? "");
    const texts = [child.stdout, child.stderr].map(async (stream) => {
      let text = "";
      for await (const chunk of stream.setEncoding("utf8")) text += chunk;
      return text;
    });
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status) => resolve(status ?? -1));
    });
    const [stdout = "", stderr = ""] = await Promise.all(texts);
    return { stdout, stderr, code };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
