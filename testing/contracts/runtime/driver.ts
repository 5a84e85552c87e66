// What a runtime under test brings, and the short words that the suite's tests are written in.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  ContainerConfig,
  ContainerStatus,
  ImageService,
  PodSandboxConfig,
  RuntimeErrorCode,
  RuntimeService,
} from "@capstan/core/runtime";
import { RuntimeError } from "@capstan/core/runtime";

/** A driver under test; the command lines make its containers do what the suite asks. */
export interface RuntimeDriver {
  runtime: RuntimeService;
  images: ImageService;
  /** An image that can be pulled; with `shell`, its root has coreutils (or busybox) and grep too. */
  image: string;
  /** One that cannot. */
  missing: string;
  commands: {
    /** Writes the text and ends with the code. */
    exits(code: number, text: string): string[];
    /** Runs until it is killed; SIGTERM does nothing to it. */
    stays(): string[];
    /** Runs until SIGTERM. */
    heeds(): string[];
    /** Copies its input to its output until the input ends. */
    echoes(): string[];
    /** Runs a script of a POSIX shell. Absent where there are no processes. */
    shell?(script: string): string[];
    /** Listens at a port of 127.0.0.1, prints "up", answers one connection with what it sent and ends. */
    serves?(port: number): string[];
  };
  /** It sets no filter of system calls, and refuses to run what asks for one. */
  withoutFilters?: boolean;
  /** Where files that containers mount may be made; default the system's temporary directory. */
  directory?: string;
  /** Drops the runtime as if its process had been killed, and gives the one that takes over. Absent: not possible. */
  reopen?(): Promise<Pick<RuntimeDriver, "runtime" | "images">>;
  close(): Promise<void>;
}

export const failsWith = (code: RuntimeErrorCode) => (error: unknown) =>
  error instanceof RuntimeError && error.code === code;

export interface Outcome {
  status: ContainerStatus;
  /** Both streams, without the log's own words. */
  output: string;
}

/** Pods and containers of a driver. */
export class Bench {
  driver: RuntimeDriver;
  readonly directory: string;
  #count = 0;

  constructor(driver: RuntimeDriver, directory: string) {
    this.driver = driver;
    this.directory = directory;
  }

  get runtime(): RuntimeService {
    return this.driver.runtime;
  }

  sandbox(options: Partial<PodSandboxConfig> = {}) {
    return this.runtime.runPodSandbox({
      name: "pod",
      namespace: "default",
      uid: `uid-${this.#count++}`,
      hostname: "pod",
      labels: {},
      namespaces: {},
      ...options,
    });
  }

  config(command: string[], options: Partial<ContainerConfig> = {}): ContainerConfig {
    const logPath = join(this.directory, `${this.#count++}.log`);
    const { image } = this.driver;
    return { name: "main", attempt: 0, image, command, env: [], mounts: [], labels: {}, logPath, ...options };
  }

  script(text: string): string[] {
    const { shell } = this.driver.commands;
    assert.ok(shell, "the driver has no shell");
    return shell(text);
  }

  async start(sandboxId: string, command: string[], options: Partial<ContainerConfig> = {}) {
    const config = this.config(command, options);
    const id = await this.runtime.createContainer(sandboxId, config);
    const ended = this.ended(id);
    await this.runtime.startContainer(id);
    return { id, ended, log: () => plain(readFileSync(config.logPath, "utf8")) };
  }

  /** Resolves when the container's end was reported. */
  ended(id: string): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.runtime.onEvent((event) => {
        if (event.type !== "stopped" || event.containerId !== id) return;
        stop();
        resolve();
      });
    });
  }

  /** Runs a shell script as the only container of a pod to its end. */
  async run(
    text: string,
    options: Partial<ContainerConfig> = {},
    pod: Partial<PodSandboxConfig> = {},
  ): Promise<Outcome> {
    const { id: sandboxId } = await this.sandbox(pod);
    const { id, ended, log } = await this.start(sandboxId, this.script(text), options);
    await ended;
    const status = this.runtime.containerStatus(id);
    await this.runtime.removePodSandbox(sandboxId);
    return { status, output: log() };
  }

  /** A command in a running container: what it wrote. */
  async exec(id: string, script: string): Promise<string> {
    const { stdout, stderr, exitCode } = await this.runtime.execSync(id, this.script(script));
    assert.equal(exitCode, 0, `${script}: ${Buffer.from(stderr)}${Buffer.from(stdout)}`);
    return Buffer.from(stdout).toString();
  }

  /** Repeats a command in a container until it succeeds: for what another process there does. */
  async until(id: string, script: string): Promise<void> {
    for (;;) if ((await this.runtime.execSync(id, this.script(script))).exitCode === 0) return;
  }
}

/** The text of a log in CRI's format. */
export function plain(log: string): string {
  return log.replace(/^\S+ std(?:out|err) F (.*\n)/gm, "$1").replace(/^\S+ std(?:out|err) P (.*)\n/gm, "$1");
}

export async function text(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Reads a stream until what came matches; the stream is left open. */
export async function read(stream: AsyncIterator<Uint8Array>, pattern: RegExp): Promise<string> {
  let all = "";
  while (!pattern.test(all)) {
    const { value, done } = await stream.next();
    assert.ok(!done, `the stream ended: ${all}`);
    all += Buffer.from(value).toString();
  }
  return all;
}

/** Declares a test of the suite. */
export type Declare = (title: string, run: (bench: Bench) => Promise<void>) => void;
