// How programs are started and what they may do: command lines, users, rights, signals.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Declare, failsWith } from "./driver.ts";

export function programs(declare: Declare): void {
  declare("a program gets its arguments, variables and directory as they are", async (bench) => {
    const env = [
      { name: "PLAIN", value: 'a\'b "c" $d\nsecond' },
      { name: "EMPTY", value: "" },
    ];
    const script = 'printf "%s|" "$PLAIN" "$EMPTY" "$PWD" "$HOSTNAME" "$@"';
    const command = [...bench.script(script), "zero", "one two", "", "$three"];
    const { id: pod } = await bench.sandbox({ hostname: "named" });
    const { id, ended, log } = await bench.start(pod, command, { env, workingDir: "/tmp/made here" });
    await ended;
    assert.equal(log(), 'a\'b "c" $d\nsecond||/tmp/made here|named|one two||$three|');
    assert.equal(bench.runtime.containerStatus(id).reason, "Completed");
    await bench.runtime.removePodSandbox(pod);
  });

  declare("a program that is not there is a container that cannot run", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const id = await bench.runtime.createContainer(pod, bench.config(["/no/such/program"]));
    await assert.rejects(bench.runtime.startContainer(id), failsWith("CannotRun"));
    const { state, exitCode, reason } = bench.runtime.containerStatus(id);
    assert.deepEqual([state, exitCode, reason], ["exited", 128, "StartError"]);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("users and groups, by number", async (bench) => {
    const security = { user: "1234", group: 2345, supplementalGroups: [3456, 4567] };
    const { output } = await bench.run("id -u; id -g; id -G; touch /tmp/mine && echo wrote", { security });
    assert.equal(output, "1234\n2345\n2345 3456 4567\nwrote\n");
    const refused = bench.run("true", { security: { nonRoot: true } });
    await assert.rejects(refused, /root/);
  });

  declare("capabilities: the default set, and what is added and dropped", async (bench) => {
    const bits = async (security: object) => {
      const { output } = await bench.run("grep CapBnd /proc/self/status", { security });
      return BigInt(`0x${output.trim().split(/\s+/)[1]}`);
    };
    const has = (set: bigint, bit: number) => (set >> BigInt(bit)) % 2n === 1n;
    // linux/capability.h: CHOWN 0, NET_ADMIN 12, SYS_ADMIN 21.
    const usual = await bits({});
    assert.deepEqual([has(usual, 0), has(usual, 12), has(usual, 21)], [true, false, false]);
    const changed = await bits({ addCapabilities: ["NET_ADMIN"], dropCapabilities: ["CHOWN"] });
    assert.deepEqual([has(changed, 0), has(changed, 12)], [false, true]);
    assert.ok(has(await bits({ privileged: true }), 21));
  });

  declare("privileges that cannot be gained", async (bench) => {
    const state = async (noNewPrivileges: boolean) =>
      (await bench.run("grep NoNewPrivs /proc/self/status", { security: { noNewPrivileges } })).output;
    assert.match(await state(true), /1$/m);
    assert.match(await state(false), /0$/m);
  });

  declare("a filter of system calls: the default one, none, and a file's", async (bench) => {
    const path = join(bench.directory, "profile.json");
    // A program without mkdir(2) is easily told from one with it.
    const denied = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" };
    writeFileSync(path, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [denied] }));
    const script = "grep '^Seccomp:' /proc/self/status; mkdir /tmp/made 2>/dev/null && echo made";
    const run = async (type: "RuntimeDefault" | "Unconfined" | "Localhost") => {
      const seccomp = type === "Localhost" ? { type, path } : { type };
      return (await bench.run(script, { security: { seccomp } })).output;
    };
    assert.match(await run("Unconfined"), /^Seccomp:\s+0\nmade\n$/);
    if (bench.driver.withoutFilters) {
      for (const type of ["RuntimeDefault", "Localhost"] as const) await assert.rejects(run(type), /seccomp/);
      return;
    }
    assert.match(await run("RuntimeDefault"), /^Seccomp:\s+2\nmade\n$/);
    assert.match(await run("Localhost"), /^Seccomp:\s+2\n$/);
  });

  declare("signals reach the program, and its end by one is told", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const one = await bench.start(
      pod,
      bench.script("trap 'echo asked; exit 9' TERM; touch /tmp/set; sleep 1000 & wait"),
    );
    await bench.until(one.id, "test -e /tmp/set");
    bench.runtime.signalContainer(one.id, "SIGTERM");
    await one.ended;
    assert.equal(bench.runtime.containerStatus(one.id).exitCode, 9);
    assert.equal(one.log(), "asked\n");
    const other = await bench.start(pod, bench.driver.commands.stays(), { attempt: 1 });
    bench.runtime.signalContainer(other.id, "SIGKILL");
    await other.ended;
    assert.equal(bench.runtime.containerStatus(other.id).exitCode, 137);
    await bench.runtime.removePodSandbox(pod);
  });
}
