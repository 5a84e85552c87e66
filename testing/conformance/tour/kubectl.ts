// One kubectl with a home of its own, as a user at a terminal has it.
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface Program {
  /** `1.33` */
  version: string;
  path: string;
}

/** Every kubectl beside the one of the PATH, the oldest first; empty where there is none. */
export function findPrograms(): Program[] {
  const found = spawnSync("sh", ["-c", "command -v kubectl"], { encoding: "utf8" }).stdout.trim();
  if (!found) return [];
  const directory = dirname(realpathSync(found));
  const versions = readdirSync(directory).filter((name) => /^kubectl\.\d+\.\d+$/.test(name));
  const programs = versions.map((name) => ({ version: name.slice(8), path: join(directory, name) }));
  const order = ({ version }: Program) => Number(version.split(".")[1]);
  return programs.length > 0 ? programs.sort((a, b) => order(a) - order(b)) : [{ version: "PATH", path: found }];
}

/** A command that takes longer hangs, milliseconds. */
const patience = 45_000;

export interface Started extends AsyncDisposable {
  process: ChildProcessWithoutNullStreams;
  /** Resolves to what it has said when that matches; fails when it ends before. */
  until(pattern: RegExp): Promise<string>;
}

export class Kubectl implements Disposable {
  readonly minor: number;
  readonly home = mkdtempSync(join(tmpdir(), "tour-"));
  readonly #path: string;
  readonly #env: Record<string, string | undefined>;
  readonly #signal: AbortSignal;

  /** @param namespace of commands that name none. */
  constructor(program: Program, kubeconfig: string, namespace: string, signal: AbortSignal) {
    this.minor = Number(program.version.split(".")[1] ?? 33);
    this.#path = program.path;
    this.#env = { PATH: process.env.PATH, HOME: this.home, KUBECONFIG: kubeconfig, POD_NAMESPACE: namespace };
    this.#signal = signal;
    this.namespace = namespace;
  }

  namespace: string;

  /** What it says, on both streams. Fails unless it exits with 0. */
  async run(line: string, input = "", env: Record<string, string> = {}): Promise<string> {
    const { code, text } = await this.#execute(line, input, env);
    assert.equal(code, 0, this.#told(line, text));
    return text;
  }

  /** What it says. Fails when it exits with 0, or with another code than the one given. */
  async fails(line: string, input = "", wanted?: number): Promise<string> {
    const { code, text } = await this.#execute(line, input, {});
    assert.notEqual(code, 0, this.#told(`${line} (should fail)`, text));
    if (wanted !== undefined) assert.equal(code, wanted, this.#told(line, text));
    return text;
  }

  async matches(line: string, pattern: RegExp, input = ""): Promise<string> {
    const text = await this.run(line, input);
    assert.match(text, pattern, `${this.#told(line, text)}\nshould match ${pattern}`);
    return text;
  }

  readonly #told = (line: string, text: string) => `kubectl 1.${this.minor} ${line}\n${text.slice(0, 3000)}`;

  /** One that goes on until it is disposed of. */
  start(line: string): Started {
    const child = this.#spawn(line, {});
    let text = "";
    let look = () => {};
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        text += chunk;
        look();
      });
    }
    const closed = once(child, "close");
    return {
      process: child,
      async until(pattern) {
        const seen = new Promise<string>((resolve) => {
          look = () => {
            if (pattern.test(text)) resolve(text);
          };
          look();
        });
        const ended = closed.then(() => {
          if (!pattern.test(text)) assert.fail(`kubectl ${line} ended before ${pattern}\n${text}`);
          return text;
        });
        return Promise.race([seen, ended]);
      },
      async [Symbol.asyncDispose]() {
        child.kill();
        await closed;
      },
    };
  }

  async #execute(line: string, input: string, env: Record<string, string>): Promise<{ code: number; text: string }> {
    const child = this.#spawn(line, env);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    // A program that reads no input may be gone before it is written.
    child.stdin.on("error", () => child.stdin.destroy());
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    return { code: code ?? -1, text };
  }

  #spawn(line: string, env: Record<string, string>): ChildProcessWithoutNullStreams {
    const args = ["--namespace", this.namespace, ...words(line)];
    // What hangs is killed, and said to have ended.
    return spawn(this.#path, args, {
      cwd: this.home,
      env: { ...this.#env, ...env },
      signal: this.#signal,
      timeout: patience,
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Words of a command line; single quotes keep spaces. */
const words = (line: string): string[] =>
  (line.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((word) => word.replaceAll("'", ""));
