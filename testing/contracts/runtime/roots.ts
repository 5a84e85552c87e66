// What a container sees of files: its root, its mounts, devices and /proc.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Declare } from "./driver.ts";

export function roots(declare: Declare): void {
  declare("each container has a root of its own, which a read-only one cannot write", async (bench) => {
    const write = "touch /etc/written 2>/dev/null && echo wrote || echo refused; ls /etc | grep -c '^written$'";
    assert.equal((await bench.run(write)).output, "wrote\n1\n");
    assert.equal((await bench.run("ls /etc | grep -c '^written$'")).output, "0\n");
    const { output } = await bench.run(write, { security: { readonlyRootfs: true } });
    assert.equal(output, "refused\n0\n");
  });

  declare("mounts are where they should be, read-only where they are", async (bench) => {
    const data = join(bench.directory, "data");
    mkdirSync(join(data, "sub"), { recursive: true });
    writeFileSync(join(data, "file"), "content");
    const mounts = [
      { hostPath: data, containerPath: "/data" },
      { hostPath: data, containerPath: "/frozen/deep", readonly: true },
      { hostPath: join(data, "file"), containerPath: "/etc/one", readonly: true },
      { hostPath: join(data, "sub"), containerPath: "/frozen/deep/sub" },
    ];
    const script = `cat /data/file /etc/one; echo new >/data/made; cat /frozen/deep/made
      echo x >/frozen/deep/file || echo refused; echo x >/etc/one || echo refused; echo y >/frozen/deep/sub/there`;
    const { output } = await bench.run(script, { mounts });
    assert.equal(
      output.replaceAll(/^.*(read-only|Read-only|can't create|cannot create).*\n/gim, ""),
      "contentcontentnew\nrefused\nrefused\n",
    );
    assert.equal(readFileSync(join(data, "file"), "utf8"), "content");
    assert.equal(readFileSync(join(data, "sub/there"), "utf8"), "y\n");
  });

  declare("the host path of a container's path is known", async (bench) => {
    const data = join(bench.directory, "resolved");
    mkdirSync(data, { recursive: true });
    const { id: pod } = await bench.sandbox();
    const mounts = [{ hostPath: data, containerPath: "/data" }];
    const { id } = await bench.start(pod, bench.driver.commands.stays(), { mounts });
    await bench.exec(id, "echo volume >/data/a; echo root >/srv/b");
    assert.equal(readFileSync(bench.runtime.resolvePath(id, "/data/a"), "utf8"), "volume\n");
    assert.equal(readFileSync(bench.runtime.resolvePath(id, "/srv/b"), "utf8"), "root\n");
    assert.ok(!existsSync("/srv/b"));
    await bench.runtime.removePodSandbox(pod);
  });

  declare("the kernel's own files are masked, unless the container is privileged", async (bench) => {
    const script = `echo 1 2>/dev/null >/proc/sys/kernel/domainname && echo wrote; test -s /proc/kcore && echo memory
      for name in null zero full random urandom tty; do test -c /dev/$name || echo no $name; done
      ls -d /dev/shm /dev/pts /dev/mqueue /dev/fd >/dev/null || echo incomplete
      test -e /dev/kmsg && echo kmsg; echo quiet >/dev/null; grep -c ' /sys ro,' /proc/self/mountinfo`;
    assert.equal((await bench.run(script)).output, "1\n");
    const { output } = await bench.run(script, { security: { privileged: true } });
    assert.match(output, /kmsg\n0\n$/);
  });

  declare("memory volumes and /dev/shm are the pod's, with their sizes", async (bench) => {
    const path = join(bench.directory, "memory");
    mkdirSync(path, { recursive: true });
    const { id: pod } = await bench.sandbox({ tmpfs: [{ path, sizeBytes: 1 << 20 }] });
    const mounts = [{ hostPath: path, containerPath: "/memory" }];
    const first = await bench.start(pod, bench.driver.commands.stays(), { mounts });
    const second = await bench.start(pod, bench.driver.commands.stays(), { mounts, name: "second" });
    await bench.exec(first.id, "echo shared >/dev/shm/note; echo volume >/memory/note");
    assert.equal(await bench.exec(second.id, "cat /dev/shm/note /memory/note"), "shared\nvolume\n");
    const full = await bench.exec(second.id, "head -c 2000000 /dev/zero 2>&1 >/memory/big || echo full");
    assert.match(full, /full/);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("what the node mounts later is seen where the pod asks for it", async (bench) => {
    const data = join(bench.directory, "late");
    mkdirSync(data);
    const mount = (...words: string[]) => execFileSync("mount", words);
    mount("--bind", data, data);
    try {
      mount("--make-shared", data);
      const { id: pod } = await bench.sandbox();
      const start = (name: string, propagation?: "HostToContainer") =>
        bench.start(pod, bench.driver.commands.stays(), {
          name,
          mounts: [{ hostPath: data, containerPath: "/data", ...(propagation ? { propagation } : {}) }],
        });
      const [seeing, other] = [await start("seeing", "HostToContainer"), await start("other")];
      mkdirSync(join(data, "volume"));
      mount("-t", "tmpfs", "tmpfs", join(data, "volume"));
      writeFileSync(join(data, "volume/there"), "late");
      assert.equal(await bench.exec(seeing.id, "cat /data/volume/there"), "late");
      assert.equal(await bench.exec(other.id, "ls /data/volume"), "");
      await bench.runtime.removePodSandbox(pod);
    } finally {
      execFileSync("umount", ["--recursive", data]);
    }
  });
}
