// A whole Capstan in a process of its own, as a user starts it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askStatus, type InstanceStatus } from "../../apps/capstan/instance/control.ts";

const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;

/** What a finished command printed and its exit code. */
export interface Output {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs one command of the command line to its end. */
export async function capstan(args: string[], env: Record<string, string> = {}): Promise<Output> {
  const child = spawn(process.execPath, [bin, ...args], { env: { ...process.env, ...env } });
  const output = collect(child);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output.stderr += chunk;
  });
  return output;
}

export interface Instance extends AsyncDisposable {
  directory: string;
  kubeconfig: string;
  process: ChildProcess;
  /** What it has printed so far. */
  output: { stdout: string; stderr: string };
  /** Resolves when all parts are ready. Throws what it printed when it ends before. */
  ready(): Promise<InstanceStatus>;
  /** As Ctrl-C does; resolves to the exit code. */
  stop(): Promise<number | null>;
  /** kill -9. */
  kill(): Promise<void>;
}

export interface InstanceOptions {
  /** An earlier instance's directory, to start it again. */
  directory?: string;
  args?: string[];
  /** Keep the directory afterwards. */
  keep?: boolean;
}

/** Starts `capstan up` with free ports and, unless the arguments say otherwise, without the quickstart. */
export function startInstance({ directory, args = ["--no-quickstart"], keep = false }: InstanceOptions = {}): Instance {
  const root = directory ?? mkdtempSync(join(tmpdir(), "capstan-e2e-"));
  const ports = ["--api-port", "0", "--console-port", "0", "--gateway-port", "0"];
  const child = spawn(process.execPath, [bin, "up", "--data-dir", root, ...ports, ...args]);
  const output = collect(child);
  const closed = once(child, "close") as Promise<[number | null]>;
  const socket = join(root, "control.sock");
  const instance: Instance = {
    directory: root,
    kubeconfig: join(root, "kubeconfig"),
    process: child,
    output,
    async ready() {
      const listening = untilOutput(child, output, /\n/);
      await Promise.race([listening, closed]);
      const status = child.exitCode === null ? await askStatus(socket, 60_000) : undefined;
      if (!status?.ready)
        throw new Error(`not ready: ${JSON.stringify(status?.parts)}\n${output.stdout}${output.stderr}`);
      return status;
    },
    async stop() {
      child.kill("SIGINT");
      return (await closed)[0];
    },
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await instance.stop();
      if (!keep) rmSync(root, { recursive: true, force: true });
    },
  };
  return instance;
}

/** Resolves when stdout, or the other stream, matches. Rejects with what was printed when the process ends before. */
export function untilOutput(
  child: ChildProcess,
  output: { stdout: string; stderr: string },
  pattern: RegExp,
  stream: "stdout" | "stderr" = "stdout",
): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`it ended: ${output.stdout}${output.stderr}`));
    const look = () => {
      if (!pattern.test(output[stream])) return;
      child[stream]?.off("data", look);
      child.off("close", ended);
      resolve();
    };
    child[stream]?.on("data", look);
    child.once("close", ended);
    look();
  });
}
