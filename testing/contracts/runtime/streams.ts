// Streams of containers and of commands: input, output, terminals, ports.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type Declare, read, text } from "./driver.ts";

export function streams(declare: Declare): void {
  declare("a command's streams are apart, its end is its own", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const { id } = await bench.start(pod, bench.driver.commands.stays());
    const session = await bench.runtime.exec(id, { command: bench.script("echo out; echo err >&2; exit 4") });
    const [out, err, code] = await Promise.all([text(session.stdout), text(session.stderr), session.exited]);
    assert.deepEqual([out, err, code], ["out\n", "err\n", 4]);
    const many = await bench.exec(id, "head -c 3000000 /dev/zero | tr '\\0' x");
    assert.equal(many.length, 3_000_000);
    const [own, pods] = [await bench.exec(id, "echo $$"), await bench.exec(id, "cat /proc/1/comm")];
    assert.ok(Number(own) > 1 && pods.length > 0);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("a command has the container's user, variables and limits", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const options = {
      env: [{ name: "OWN", value: "yes" }],
      security: { user: "1234", group: 1234 },
      workingDir: "/tmp",
    };
    const { id } = await bench.start(pod, bench.driver.commands.stays(), options);
    assert.equal(await bench.exec(id, 'echo "$OWN $PWD $(id -u):$(id -g)"'), "yes /tmp 1234:1234\n");
    const caps = await bench.exec(id, "grep CapEff /proc/self/status");
    assert.match(caps, /CapEff:\s+0+$/m);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("a killed command is gone", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const { id } = await bench.start(pod, bench.driver.commands.stays());
    const session = await bench.runtime.exec(id, { command: bench.script("echo $$; exec sleep 4321") });
    const said = await read(session.stdout[Symbol.asyncIterator](), /\n/);
    session.kill();
    assert.notEqual(await session.exited, 0);
    await bench.until(id, `! test -e /proc/${said.trim()}`);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("a command's terminal has the size that it is given", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const { id } = await bench.start(pod, bench.driver.commands.stays());
    // Of a runtime behind a socket, the size and the input go different ways; stty(1) sets columns first, rows after.
    const script =
      "test -t 0 && test -t 1 && echo terminal; read line; until stty size | grep '33 111'; do :; done; exit 3";
    const session = await bench.runtime.exec(id, { command: bench.script(script), stdin: true, tty: true });
    const stdout = session.stdout[Symbol.asyncIterator]();
    await read(stdout, /terminal/);
    await session.resize(111, 33);
    await session.write?.(Buffer.from("\n"));
    await read(stdout, /33 111/);
    assert.equal(await session.exited, 3);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("attached: what a container reads and writes from now on", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const config = bench.config(bench.script("while read -r line; do echo got $line; echo err >&2; done; exit 6"), {
      stdin: true,
      stdinOnce: true,
    });
    const id = await bench.runtime.createContainer(pod, config);
    await bench.runtime.startContainer(id);
    const session = await bench.runtime.attach(id);
    const stdout = session.stdout[Symbol.asyncIterator]();
    await session.write?.(Buffer.from("first\n"));
    assert.equal(await read(stdout, /\n/), "got first\n");
    const other = await bench.runtime.attach(id);
    // A runtime behind a socket does not say from when on an attachment hears: it is told until it has.
    let heard = false;
    const hearing = read(other.stdout[Symbol.asyncIterator](), /\n/).finally(() => (heard = true));
    while (!heard) {
      await session.write?.(Buffer.from("second\n"));
      assert.match(await read(stdout, /second\n/), /got second\n/);
    }
    assert.match(await hearing, /got second\n/);
    session.endInput?.();
    assert.equal(await session.exited, 6);
    assert.match(await text(session.stderr), /^(err\n)+$/);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("a container with a terminal", async (bench) => {
    const { id: pod } = await bench.sandbox();
    const script =
      "test -t 0 && echo terminal; read line; until stty size | grep '22 99'; do :; done; read line; exit 3";
    const { id, ended, log } = await bench.start(pod, bench.script(script), { stdin: true, tty: true });
    while (!log().includes("terminal")) await bench.exec(id, "true");
    const session = await bench.runtime.attach(id);
    await session.resize(99, 22);
    const stdout = session.stdout[Symbol.asyncIterator]();
    await session.write?.(Buffer.from("\n"));
    assert.match(await read(stdout, /22 99/), /22 99/);
    await session.write?.(Buffer.from("\n"));
    await ended;
    assert.equal(bench.runtime.containerStatus(id).exitCode, 3);
    await bench.runtime.removePodSandbox(pod);
  });

  declare("a port of the pod's own localhost is reached", async (bench) => {
    const { serves } = bench.driver.commands;
    assert.ok(serves);
    const { id: pod } = await bench.sandbox();
    const { ended, id } = await bench.start(pod, serves(7654));
    const session = await bench.runtime.attach(id);
    void session;
    await bench.until(id, "grep -q ':1DE6 ' /proc/net/tcp");
    const stream = await bench.runtime.portForward(pod, 7654);
    stream.end("through the port");
    let answer = "";
    stream.on("data", (data) => (answer += data));
    await once(stream, "end");
    assert.equal(answer, "through the port");
    await ended;
    await assert.rejects(bench.runtime.portForward(pod, 7654));
    await bench.runtime.removePodSandbox(pod);
  });
}
