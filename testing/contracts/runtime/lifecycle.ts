// The life of pods, containers and images: what a runtime without processes must do too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { ContainerEvent, RuntimeService } from "@capstan/core/runtime";
import { type Declare, failsWith } from "./driver.ts";

export function lifecycle(declare: Declare): void {
  declare("a container goes from created to running to exited, with its code and its log", async (bench) => {
    const { runtime, driver } = bench;
    const { id: pod } = await bench.sandbox();
    const seen: ContainerEvent["type"][] = [];
    const stop = runtime.onEvent((event) => void (event.sandboxId === pod && seen.push(event.type)));
    const wanted = bench.config(driver.commands.exits(7, "said\n"));
    const id = await runtime.createContainer(pod, wanted);
    assert.equal(runtime.containerStatus(id).state, "created");
    const ended = bench.ended(id);
    await runtime.startContainer(id);
    await ended;
    const status = runtime.containerStatus(id);
    assert.equal(status.state, "exited");
    assert.equal(status.exitCode, 7);
    assert.equal(status.reason, "Error");
    assert.ok(status.startedAt && status.finishedAt && status.finishedAt >= status.createdAt);
    assert.match(readFileSync(wanted.logPath, "utf8"), /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{1,9}Z stdout F said\n$/);
    await runtime.removePodSandbox(pod);
    assert.deepEqual(seen, ["created", "started", "stopped", "sandbox-stopped", "deleted"]);
    stop();
  });

  declare("a stop waits for the grace, and for no more", async (bench) => {
    const { runtime, driver } = bench;
    const { id: pod } = await bench.sandbox();
    const heeding = await bench.start(pod, driver.commands.heeds());
    await heedsNow(runtime, heeding.id);
    await runtime.stopContainer(heeding.id, 30);
    assert.equal(runtime.containerStatus(heeding.id).exitCode, 143);
    const staying = await bench.start(pod, driver.commands.stays(), { attempt: 1 });
    await runtime.stopContainer(staying.id, 0);
    assert.equal(runtime.containerStatus(staying.id).exitCode, 137);
    await runtime.stopContainer(staying.id, 0);
    await runtime.removePodSandbox(pod);
  });

  declare("commands run in a running container, within their time", async (bench) => {
    const { runtime, driver } = bench;
    const { id: pod } = await bench.sandbox();
    const { id } = await bench.start(pod, driver.commands.stays());
    const result = await runtime.execSync(id, driver.commands.exits(3, "out\n"));
    assert.equal(result.exitCode, 3);
    assert.equal(Buffer.from(result.stdout).toString(), "out\n");
    await assert.rejects(runtime.execSync(id, driver.commands.stays(), 100), failsWith("Timeout"));
    const session = await runtime.exec(id, { command: driver.commands.echoes(), stdin: true });
    await session.write?.(Buffer.from("ping"));
    const parts: Uint8Array[] = [];
    for await (const part of session.stdout) {
      parts.push(part);
      session.endInput?.();
    }
    assert.equal(Buffer.concat(parts).toString(), "ping");
    assert.equal(await session.exited, 0);
    await runtime.stopContainer(id, 0);
    await assert.rejects(runtime.execSync(id, ["true"]), failsWith("Failed"));
    await runtime.removePodSandbox(pod);
  });

  declare("a stopped sandbox has stopped all, a removed one is forgotten", async (bench) => {
    const { runtime, driver } = bench;
    const { id: pod, ip } = await bench.sandbox();
    const { id: other, ip: otherIp } = await bench.sandbox();
    assert.notEqual(ip, otherIp);
    const { id } = await bench.start(pod, driver.commands.stays());
    await runtime.stopPodSandbox(pod);
    await runtime.stopPodSandbox(pod);
    assert.equal(runtime.containerStatus(id).state, "exited");
    const state = (sandbox: string) => runtime.listPodSandboxes().find((one) => one.id === sandbox)?.state;
    assert.deepEqual([state(pod), state(other)], ["notready", "ready"]);
    await runtime.removePodSandbox(pod);
    await runtime.removePodSandbox(other);
    assert.throws(() => runtime.containerStatus(id), failsWith("NotFound"));
    assert.deepEqual(runtime.listContainers(pod), []);
  });

  declare("images are there once they are pulled", async (bench) => {
    const { runtime, driver } = bench;
    const id = await driver.images.pullImage(driver.image);
    assert.equal(driver.images.imageStatus(driver.image)?.id, id);
    assert.ok(driver.images.listImages().some((image) => image.id === id));
    await assert.rejects(driver.images.pullImage(driver.missing), failsWith("ImageNotFound"));
    const { id: pod } = await bench.sandbox();
    const config = bench.config(["true"], { image: driver.missing });
    await assert.rejects(runtime.createContainer(pod, config), failsWith("ImageNotFound"));
    await runtime.removePodSandbox(pod);
  });
}

/** A program that has just started may not have set its handler yet: one that answers commands has. */
async function heedsNow(runtime: RuntimeService, id: string): Promise<void> {
  for (;;) {
    const { exitCode } = await runtime.execSync(id, ["test", "-e", "/tmp/heeds"]);
    if (exitCode === 0) return;
  }
}
