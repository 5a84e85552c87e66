// A fresh Capstan, the argo command line without an Argo server, and capstan workflow beside it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capstan, type Instance, type Output, startInstance } from "../../platform/instance.ts";

export class Scene implements AsyncDisposable {
  readonly instance: Instance;
  readonly #directory = mkdtempSync(join(tmpdir(), "argo-cli-"));
  readonly #program: string;

  static async start(): Promise<Scene> {
    const program = process.env.CAPSTAN_ARGO;
    if (!program) throw new Error("CAPSTAN_ARGO has to name the argo program: run testing/peers/run.ts argo-cli");
    const instance = startInstance();
    await instance.ready();
    return new Scene(instance, program);
  }

  private constructor(instance: Instance, program: string) {
    this.instance = instance;
    this.#program = program;
  }

  /** A manifest as a file. */
  file(name: string, text: string): string {
    const path = join(this.#directory, name);
    writeFileSync(path, text);
    return path;
  }

  async argo(...args: string[]): Promise<Output> {
    const env = { PATH: process.env.PATH, HOME: this.#directory, KUBECONFIG: this.instance.kubeconfig };
    const child = spawn(this.#program, [...args, "-n", "default"], { env });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      output.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output.stderr += chunk;
    });
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout: plain(output.stdout), stderr: plain(output.stderr) };
  }

  async ours(...args: string[]): Promise<Output> {
    return capstan(["workflow", ...args, "-n", "default", "--data-dir", this.instance.directory]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.instance[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const escapeSign = String.fromCharCode(27);
/** Without colours. */
const plain = (text: string) => text.replaceAll(new RegExp(`${escapeSign}\\[[0-9;]*[A-Za-z]`, "g"), "");

/** Without what a moment changes: ages, durations and the order of sums; without spaces that only align. */
export function still(text: string): string {
  return text
    .replace(/\((?:now|\d+ \w+ (?:ago|from now))\)/g, "(…)")
    .replace(/^(Duration: +).*$/gm, "$1…")
    .replace(/(\d+[hms])+\*\((?:1 cpu|100Mi memory)\),(\d+[hms])+\*\((?:1 cpu|100Mi memory)\)/g, "…")
    .replace(/\b\d+[smh]\b/g, "…")
    .replace(/ +/g, " ")
    .replace(/ $/gm, "")
    .trim();
}
