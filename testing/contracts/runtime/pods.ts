// What the containers of a pod share, and what they share with the node.
import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { Declare } from "./driver.ts";

/** A script that prints the ids of the processes with a command line. */
const findProcess = (words: string) =>
  `for one in /proc/[0-9]*; do if [ "$(tr '\\0' ' ' 2>/dev/null <$one/cmdline)" = "${words} " ]; then echo \${one#/proc/}; fi; done`;

export function pods(declare: Declare): void {
  declare("containers of a pod share network, IPC and host name, not processes", async (bench) => {
    const { id: pod } = await bench.sandbox({ hostname: "shared" });
    const [a, b] = [
      await bench.start(pod, bench.driver.commands.stays()),
      await bench.start(pod, bench.driver.commands.stays(), { name: "second" }),
    ];
    const names = "for ns in net ipc uts pid; do readlink /proc/self/ns/$ns; done; cat /proc/sys/kernel/hostname";
    const [first, second] = [await bench.exec(a.id, names), await bench.exec(b.id, names)].map((all) =>
      all.split("\n"),
    );
    assert.deepEqual(first?.slice(0, 3), second?.slice(0, 3));
    assert.notEqual(first?.[3], second?.[3]);
    assert.equal(first?.[4], "shared");
    for (const [index, name] of ["net", "ipc", "uts", "pid"].entries()) {
      assert.notEqual(first?.[index], readlinkSync(`/proc/self/ns/${name}`), name);
    }
    await bench.runtime.removePodSandbox(pod);
  });

  declare("with a shared PID namespace they see and signal each other, and orphans are reaped", async (bench) => {
    const { id: pod } = await bench.sandbox({ namespaces: { sharePID: true } });
    const a = await bench.start(pod, bench.script("echo $$; exec sleep 3210"));
    const b = await bench.start(pod, bench.driver.commands.stays(), { name: "second" });
    await bench.until(b.id, `${findProcess("sleep 3210")} | grep -q .`);
    const pid = Number(await bench.exec(b.id, findProcess("sleep 3210")));
    assert.ok(pid > 1);
    // A child whose parent has ended belongs to the pod's first process, which must not leave it a zombie.
    await bench.exec(b.id, "(true & (sleep 0.02; true) & ) ; true");
    await bench.until(b.id, "! grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | grep -q .");
    await bench.exec(b.id, `kill -9 ${pid}`);
    await a.ended;
    assert.equal(bench.runtime.containerStatus(a.id).exitCode, 137);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("a container may join the processes of one other, and its end is its own", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const stays = bench.driver.commands.stays();
    const target = await bench.start(pod, bench.script("exec sleep 3211"));
    const joined = await bench.start(pod, stays, { name: "second", targetId: target.id });
    const other = await bench.start(pod, stays, { name: "third" });
    await bench.until(joined.id, `${findProcess("sleep 3211")} | grep -q .`);
    await bench.exec(other.id, `! ${findProcess("sleep 3211")} | grep -q .`);
    await bench.runtime.stopContainer(joined.id, 0);
    assert.equal(bench.runtime.containerStatus(target.id).state, "running");
    await bench.runtime.removePodSandbox(pod);
  });

  declare("a container's end is the end of all that it started, in a shared PID namespace too", async (bench) => {
    const { id: pod } = await bench.sandbox({ namespaces: { sharePID: true } });
    const { id, ended } = await bench.start(pod, bench.script("setsid sleep 2109 & sleep 0.05; echo over"));
    const b = await bench.start(pod, bench.driver.commands.stays(), { name: "second" });
    await ended;
    assert.equal(bench.runtime.containerStatus(id).exitCode, 0);
    await bench.until(b.id, `! ${findProcess("sleep 2109")} | grep -q .`);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("a pod may share the node's network, processes and IPC", async (bench) => {
    const { id: pod, ip } = await bench.sandbox({
      namespaces: { hostNetwork: true, hostPID: true, hostIPC: true },
    });
    assert.equal(ip, "");
    const { id } = await bench.start(pod, bench.driver.commands.stays());
    const names = await bench.exec(id, "for ns in net pid ipc; do readlink /proc/self/ns/$ns; done");
    assert.deepEqual(
      names.trim().split("\n"),
      ["net", "pid", "ipc"].map((name) => readlinkSync(`/proc/self/ns/${name}`)),
    );
    assert.equal((await bench.exec(id, "cat /proc/sys/kernel/hostname")).trim(), hostname());
    await bench.runtime.stopContainer(id, 0);
    assert.equal(bench.runtime.containerStatus(id).exitCode, 137);
    await bench.runtime.removePodSandbox(pod);
  });
}
