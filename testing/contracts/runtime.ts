// What every runtime driver must do.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type {
  ContainerConfig,
  ContainerEvent,
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
  /** An image that can be pulled. */
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
  };
  close(): Promise<void>;
}

export function testRuntime(name: string, open: () => Promise<RuntimeDriver>, skip?: string): void {
  let driver: RuntimeDriver;
  let directory: string;
  let logs = 0;
  before(async () => {
    if (skip) return;
    directory = mkdtempSync(join(tmpdir(), "capstan-runtime-"));
    driver = await open();
    await driver.images.pullImage(driver.image);
  });
  after(async () => {
    if (skip) return;
    await driver.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const sandbox = (options: Partial<PodSandboxConfig> = {}) =>
    driver.runtime.runPodSandbox({
      name: "pod",
      namespace: "default",
      uid: `uid-${logs++}`,
      hostname: "pod",
      labels: {},
      namespaces: {},
      ...options,
    });
  const config = (command: string[], options: Partial<ContainerConfig> = {}): ContainerConfig => ({
    name: "main",
    attempt: 0,
    image: driver.image,
    command,
    env: [],
    mounts: [],
    labels: {},
    logPath: join(directory, `${logs++}.log`),
    ...options,
  });
  const start = async (sandboxId: string, command: string[], options: Partial<ContainerConfig> = {}) => {
    const id = await driver.runtime.createContainer(sandboxId, config(command, options));
    const ended = new Promise<void>((resolve) => {
      const stop = driver.runtime.onEvent((event) => {
        if (event.type !== "stopped" || event.containerId !== id) return;
        stop();
        resolve();
      });
    });
    await driver.runtime.startContainer(id);
    return { id, ended };
  };
  const code = (wanted: RuntimeErrorCode) => (error: unknown) => error instanceof RuntimeError && error.code === wanted;

  test(`${name}: a container goes from created to running to exited, with its code and its log`, { skip }, async () => {
    const { id: pod } = await sandbox();
    const seen: ContainerEvent["type"][] = [];
    const stop = driver.runtime.onEvent((event) => void (event.sandboxId === pod && seen.push(event.type)));
    const wanted = config(driver.commands.exits(7, "said\n"));
    const id = await driver.runtime.createContainer(pod, wanted);
    assert.equal(driver.runtime.containerStatus(id).state, "created");
    const ended = new Promise<void>((resolve) => driver.runtime.onEvent(({ type }) => type === "stopped" && resolve()));
    await driver.runtime.startContainer(id);
    await ended;
    const status = driver.runtime.containerStatus(id);
    assert.equal(status.state, "exited");
    assert.equal(status.exitCode, 7);
    assert.equal(status.reason, "Error");
    assert.ok(status.startedAt && status.finishedAt && status.finishedAt >= status.createdAt);
    assert.match(readFileSync(wanted.logPath, "utf8"), /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z stdout F said\n$/);
    await driver.runtime.removePodSandbox(pod);
    assert.deepEqual(seen, ["created", "started", "stopped", "sandbox-stopped", "deleted"]);
    stop();
  });

  test(`${name}: a stop waits for the grace, and for no more`, { skip }, async () => {
    const { id: pod } = await sandbox();
    const heeding = await start(pod, driver.commands.heeds());
    await heedsNow(driver.runtime, heeding.id);
    await driver.runtime.stopContainer(heeding.id, 30);
    assert.equal(driver.runtime.containerStatus(heeding.id).exitCode, 143);
    const staying = await start(pod, driver.commands.stays(), { attempt: 1 });
    await driver.runtime.stopContainer(staying.id, 0);
    assert.equal(driver.runtime.containerStatus(staying.id).exitCode, 137);
    await driver.runtime.stopContainer(staying.id, 0);
    await driver.runtime.removePodSandbox(pod);
  });

  test(`${name}: commands run in a running container, within their time`, { skip }, async () => {
    const { id: pod } = await sandbox();
    const { id } = await start(pod, driver.commands.stays());
    const result = await driver.runtime.execSync(id, driver.commands.exits(3, "out\n"));
    assert.equal(result.exitCode, 3);
    assert.equal(Buffer.from(result.stdout).toString(), "out\n");
    await assert.rejects(driver.runtime.execSync(id, driver.commands.stays(), 100), code("Timeout"));
    const session = await driver.runtime.exec(id, { command: driver.commands.echoes(), stdin: true });
    await session.write?.(Buffer.from("ping"));
    const parts: Uint8Array[] = [];
    for await (const part of session.stdout) {
      parts.push(part);
      session.endInput?.();
    }
    assert.equal(Buffer.concat(parts).toString(), "ping");
    assert.equal(await session.exited, 0);
    await driver.runtime.stopContainer(id, 0);
    await assert.rejects(driver.runtime.execSync(id, ["true"]), code("Failed"));
    await driver.runtime.removePodSandbox(pod);
  });

  test(`${name}: a stopped sandbox has stopped all, a removed one is forgotten`, { skip }, async () => {
    const { id: pod, ip } = await sandbox();
    const { id: other, ip: otherIp } = await sandbox();
    assert.notEqual(ip, otherIp);
    const { id } = await start(pod, driver.commands.stays());
    await driver.runtime.stopPodSandbox(pod);
    await driver.runtime.stopPodSandbox(pod);
    assert.equal(driver.runtime.containerStatus(id).state, "exited");
    assert.equal(driver.runtime.listPodSandboxes().find((one) => one.id === pod)?.state, "notready");
    assert.equal(driver.runtime.listPodSandboxes().find((one) => one.id === other)?.state, "ready");
    await driver.runtime.removePodSandbox(pod);
    await driver.runtime.removePodSandbox(other);
    assert.throws(() => driver.runtime.containerStatus(id), code("NotFound"));
    assert.deepEqual(driver.runtime.listContainers(pod), []);
  });

  test(`${name}: images are there once they are pulled`, { skip }, async () => {
    const id = await driver.images.pullImage(driver.image);
    assert.equal(driver.images.imageStatus(driver.image)?.id, id);
    assert.ok(driver.images.listImages().some((image) => image.id === id));
    await assert.rejects(driver.images.pullImage(driver.missing), code("ImageNotFound"));
    const { id: pod } = await sandbox();
    await assert.rejects(
      driver.runtime.createContainer(pod, config(["true"], { image: driver.missing })),
      code("ImageNotFound"),
    );
    await driver.runtime.removePodSandbox(pod);
  });
}

/** A program that has just started may not have set its handler yet: one that answers commands has. */
async function heedsNow(runtime: RuntimeService, id: string): Promise<void> {
  for (;;) {
    const { exitCode } = await runtime.execSync(id, ["test", "-e", "/tmp/heeds"]);
    if (exitCode === 0) return;
  }
}
