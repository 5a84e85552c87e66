// Limits and numbers: what the kernel counts, and what it stops.
import assert from "node:assert/strict";
import { type Declare, failsWith } from "./driver.ts";

const megabyte = 1 << 20;

export function limits(declare: Declare): void {
  declare("processes: no more than the limit", async (bench) => {
    const forks = "i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; echo all";
    const { output, status } = await bench.run(forks, { resources: { pidsLimit: 30 } });
    assert.doesNotMatch(output, /^all$/m);
    assert.notEqual(status.exitCode, 0);
  });

  declare("memory: a program that takes too much is killed, and that is told", async (bench) => {
    // Doubles what it has until there is no more.
    const eater = bench.script("all=xxxxxxxxxxxxxxxx; while :; do all=$all$all; done");
    const { id: pod } = await bench.sandbox();
    const { id, ended } = await bench.start(pod, eater, { resources: { memoryLimit: 48 * megabyte } });
    await ended;
    const { reason, exitCode } = bench.runtime.containerStatus(id);
    assert.deepEqual([reason, exitCode], ["OOMKilled", 137]);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("what a container uses is counted", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const script = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; touch /tmp/done; sleep 1000 & sleep 1000";
    const { id } = await bench.start(pod, bench.script(script), { resources: { cpuShares: 512, cpuLimit: 1 } });
    await bench.until(id, "test -e /tmp/done");
    const stats = await bench.runtime.containerStats(id);
    assert.ok((stats.cpuNanoseconds ?? 0) > 10_000_000, `cpu ${stats.cpuNanoseconds}`);
    assert.ok((stats.memoryWorkingSetBytes ?? 0) > 0 && (stats.memoryUsageBytes ?? 0) > 0);
    assert.ok((stats.processes ?? 3) >= 1);
    await bench.runtime.removePodSandbox(pod);
    await assert.rejects(bench.runtime.containerStats(id), failsWith("NotFound"));
  });

  declare("whom the kernel kills first when the node has no memory left", async (bench) => {
    const { output } = await bench.run("cat /proc/self/oom_score_adj", { resources: { oomScoreAdjust: 777 } });
    assert.equal(output, "777\n");
  });
}
