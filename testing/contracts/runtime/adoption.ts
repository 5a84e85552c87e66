// What outlives the process that started it.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Declare, plain } from "./driver.ts";

export function adoption(declare: Declare): void {
  declare("a runtime that comes after another has its pods, their output, codes and addresses", async (bench) => {
    const { driver } = bench;
    assert.ok(driver.reopen);
    const go = join(bench.directory, "go");
    mkdirSync(go, { recursive: true });
    const mounts = [{ hostPath: go, containerPath: "/go" }];
    const { id: pod, ip } = await bench.sandbox();
    const script = (file: string, code: number) =>
      bench.script(`echo begun; until [ -e /go/${file} ]; do sleep 0.01; done; echo ${file}; exit ${code}`);
    const meanwhile = await bench.start(pod, script("meanwhile", 5), { mounts });
    const later = await bench.start(pod, script("later", 6), { mounts, name: "second" });
    const created = await bench.runtime.createContainer(pod, bench.config(driver.commands.stays(), { name: "third" }));
    await bench.until(later.id, "test -e /go");
    const next = driver.reopen();
    writeFileSync(join(go, "meanwhile"), "");
    Object.assign(driver, await next);
    const { runtime } = bench;
    const [sandbox] = runtime.listPodSandboxes().filter(({ id }) => id === pod);
    assert.deepEqual([sandbox?.ip, sandbox?.state], [ip, "ready"]);
    if (runtime.containerStatus(meanwhile.id).state !== "exited") await bench.ended(meanwhile.id);
    assert.equal(runtime.containerStatus(meanwhile.id).exitCode, 5);
    assert.equal(meanwhile.log(), "begun\nmeanwhile\n");
    assert.equal(runtime.containerStatus(later.id).state, "running");
    const ended = bench.ended(later.id);
    writeFileSync(join(go, "later"), "");
    await ended;
    assert.equal(runtime.containerStatus(later.id).exitCode, 6);
    assert.equal(plain(readFileSync(runtime.containerStatus(later.id).config.logPath, "utf8")), "begun\nlater\n");
    assert.notEqual(runtime.containerStatus(created).state, "running");
    const { id: other, ip: otherIp } = await bench.sandbox();
    assert.notEqual(otherIp, ip);
    await runtime.removePodSandbox(other);
    await runtime.removePodSandbox(pod);
  });
}
