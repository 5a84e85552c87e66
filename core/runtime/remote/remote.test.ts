// What only a runtime behind a socket has: its restarts, its images, its logs, what it left behind.
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { silent } from "@capstan/base/log";
import { type Containerd, containerdMissing, startContainerd } from "@capstan/testing/containerd";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { type ContainerEvent, RuntimeError } from "../cri.ts";
import { openConnection } from "./connection.ts";
import { removeRemoteLeftovers } from "./leftovers.ts";
import { createRemoteRuntime } from "./remote.ts";

const skip = containerdMissing() ?? false;
const builtinImages = [{ name: "own/image" }];
const imageMap = [{ pattern: "mapped/*", rootfs: "host" }];
const network = {
  podCidr: "10.31.0.0/22",
  serviceCidr: "10.31.4.0/22",
  dnsIp: "10.31.4.10",
  apiServiceIp: "10.31.4.1",
};
let directory: string;
let containerd: Containerd;
let opened = 0;
/** Of what a failed test has left open. */
const closes: (() => Promise<void>)[] = [];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "capstan-remote-"));
  if (!skip) containerd = await startContainerd();
});
after(async () => {
  for (const close of closes) await close();
  if (!skip) await containerd[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

async function open(dataDir = join(directory, String(opened++)), endpoint = containerd.endpoint) {
  const stop = new AbortController();
  const made = createRemoteRuntime({ dataDir, network, endpoint, builtinImages, imageMap, log: silent });
  const running = made.start(stop.signal);
  await Promise.race([made.ready, running]);
  const { runtime, images } = made;
  const sandbox = (uid: string) =>
    runtime.runPodSandbox({ name: "pod", namespace: "default", uid, hostname: "pod", labels: {}, namespaces: {} });
  const share = join(dataDir, "share");
  mkdirSync(share, { recursive: true });
  const mounts = [{ hostPath: share, containerPath: "/share" }];
  const start = async (pod: string, script: string, name = "main") => {
    const logPath = join(dataDir, "logs", `${name}.log`);
    const command = ["sh", "-c", script];
    const config = { name, attempt: 0, image: containerd.image, command, env: [], mounts, labels: {}, logPath };
    const id = await runtime.createContainer(pod, config);
    const ended = new Promise<ContainerEvent>((resolve) => {
      const off = runtime.onEvent((event) => {
        if (event.type !== "stopped" || event.containerId !== id) return;
        off();
        resolve(event);
      });
    });
    await runtime.startContainer(id);
    return { id, ended, logPath };
  };
  const close = async () => {
    stop.abort();
    await running;
  };
  closes.push(close);
  return { dataDir, share, runtime, images, sandbox, start, close };
}

test("an endpoint that is none, an absent socket and what speaks no runtime.v1 are told apart", async () => {
  const path = join(directory, "nothing.sock");
  assert.throws(
    () => createRemoteRuntime({ dataDir: directory, network, endpoint: "tcp://host:1", log: silent }),
    /tcp/,
  );
  await assert.rejects(open(directory, path), /there is no socket .*nothing\.sock: start the container runtime/);
  const server = new Server();
  const other = join(directory, "other.sock");
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${other}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  await assert.rejects(open(directory, other), /other\.sock does not speak CRI's runtime\.v1/);
  server.forceShutdown();
});

test("containerd is restarted: containers run on, and what ended meanwhile is told", { skip }, async () => {
  const { runtime, sandbox, start, dataDir, share, close } = await open();
  const { id: pod } = await sandbox("restart");
  const stays = await start(pod, "sleep 1000", "stays");
  const ends = await start(pod, "until test -e /share/go; do sleep 0.02; done; exit 5", "ends");
  await containerd.restart(() => writeFileSync(join(share, "go"), ""));
  await ends.ended;
  const { exitCode, reason } = runtime.containerStatus(ends.id);
  // containerd 1.7 does not know the code of what ended while it was away.
  assert.deepEqual([exitCode, reason], exitCode === 5 ? [5, "Error"] : [255, "Interrupted"]);
  assert.equal(runtime.containerStatus(stays.id).state, "running");
  const { stdout } = await runtime.execSync(stays.id, ["echo", "still"]);
  assert.equal(Buffer.from(stdout).toString(), "still\n");
  const [interface0] = (await runtime.podSandboxStats?.(pod))?.network ?? [];
  assert.equal(interface0?.name, "eth0");
  await close();
  assert.deepEqual(readdirSync(join(dataDir, "runtime/cri/sandboxes")), []);
});

test("images: with credentials and without, gone when they are removed", {
  skip,
}, async () => {
  const { images, close } = await open();
  await assert.rejects(images.pullImage(containerd.guarded), /401|authorization/i);
  const wrong = { username: "reader", password: "guess" };
  await assert.rejects(images.pullImage(containerd.guarded, undefined, wrong), RuntimeError);
  const id = await images.pullImage(containerd.guarded, undefined, { username: "reader", password: "secret" });
  const status = images.imageStatus(containerd.guarded);
  assert.equal(status?.id, id);
  assert.ok((status?.size ?? 0) > 1_000_000 && images.imageStatus(id));
  await images.removeImage(containerd.guarded);
  assert.equal(images.imageStatus(containerd.guarded), undefined);
  assert.equal(images.imageStatus(id), undefined);
  assert.ok(images.imageStatus(containerd.image));
  await assert.rejects(images.pullImage("Not A Name"), (error: RuntimeError) => error.code === "InvalidImageName");
  assert.ok((images.imageFileSystem?.().mountpoint ?? "").includes(containerd.directory));
  await close();
});

test("an image that somebody else imports is seen", { skip }, async () => {
  const { images, close } = await open();
  const name = "localhost/other:2";
  assert.equal(images.imageStatus(name), undefined);
  containerd.ctr("images", "tag", containerd.image, name);
  // The event comes on the same connection as this answer, or before it.
  while (!images.imageStatus(name)) await images.pullImage(containerd.pullable);
  containerd.ctr("images", "rm", name);
  await close();
});

test("a log is begun anew when it is full, and goes on", { skip }, async () => {
  const { runtime, sandbox, start, share, close } = await open();
  const { id: pod } = await sandbox("log");
  const fill = "yes 0123456789012345678901234567890123456789 | head -n 200000";
  const script = `${fill}; until test -e /share/go; do echo tick; sleep 0.02; done`;
  const { id, ended, logPath } = await start(pod, script);
  while (!existsSync(`${logPath}.1`)) await runtime.execSync(id, ["true"]);
  assert.ok(statSync(`${logPath}.1`).size > 10 * 1024 * 1024);
  // The new file is the runtime's to make: for a moment there is none.
  while (!statSync(logPath, { throwIfNoEntry: false })?.size) await runtime.execSync(id, ["true"]);
  writeFileSync(join(share, "go"), "");
  await ended;
  assert.match(readFileSync(logPath, "utf8"), /^\S+ stdout F (tick|\d+)\n/);
  await close();
});

test("images that are files of this machine run in Capstan's own runtime, beside the others but never in one pod", {
  skip,
}, async () => {
  const { runtime, images, dataDir, sandbox, start, close } = await open();
  assert.match(await images.pullImage("own/image:1"), /^sha256:/);
  assert.match(await images.pullImage("mapped/one:2"), /^sha256:/);
  const spec = { containers: [{ name: "c", image: "own/image:1" }] };
  const pod = { apiVersion: "v1" as const, kind: "Pod" as const, metadata: { name: "own" }, spec };
  const identity = { name: "own", namespace: "default", uid: "own", hostname: "own", labels: {}, namespaces: {} };
  const { id: own } = await runtime.runPodSandbox({ ...identity, pod });
  const logPath = join(dataDir, "logs", "own.log");
  const command = ["sh", "-c", "test -d /usr/bin && echo files of this machine"];
  const config = { name: "c", attempt: 0, image: "own/image:1", command, env: [], mounts: [], labels: {}, logPath };
  const id = await runtime.createContainer(own, config);
  const ended = new Promise((resolve) => runtime.onEvent(({ type }) => type === "stopped" && resolve(type)));
  await runtime.startContainer(id);
  await ended;
  assert.match(readFileSync(logPath, "utf8"), /files of this machine\n$/);
  assert.equal(runtime.containerStatus(id).runtime, undefined);
  const { id: other } = await sandbox("other");
  const stays = await start(other, "sleep 1000");
  assert.equal(runtime.containerStatus(stays.id).runtime, "containerd");
  assert.deepEqual(new Set(runtime.listPodSandboxes().map((one) => one.id)), new Set([own, other]));
  const code = (error: RuntimeError) => error.code === "InvalidArgument" && /a pod of its own/.test(error.message);
  await assert.rejects(runtime.createContainer(own, { ...config, name: "d", image: containerd.image }), code);
  await assert.rejects(runtime.createContainer(other, { ...config, name: "d" }), code);
  await close();
});

test("what a killed agent left is removed without starting one", { skip }, async () => {
  const { sandbox, start, dataDir } = await open();
  const { id: pod } = await sandbox("left");
  const { id } = await start(pod, "sleep 1000");
  writeFileSync(join(dataDir, "network.json"), JSON.stringify(network));
  assert.equal(await removeRemoteLeftovers([dataDir], silent), true);
  assert.ok(!containerd.ctr("containers", "ls", "-q").includes(id));
  assert.equal(await removeRemoteLeftovers([dataDir], silent), false);
  assert.deepEqual(readdirSync(join(dataDir, "runtime/cri/containers")), []);
});

test("what was begun and not written down is removed, and so are records of what is gone", { skip }, async () => {
  const first = await open();
  const [{ id: kept }, { id: lost }, { id: gone }] = [
    await first.sandbox("kept"),
    await first.sandbox("lost"),
    await first.sandbox("gone"),
  ];
  const records = join(first.dataDir, "runtime/cri/sandboxes");
  for (const name of readdirSync(records)) {
    if (readFileSync(join(records, name), "utf8").includes('"uid":"lost"')) rmSync(join(records, name));
  }
  const other = await open(join(directory, "other"));
  assert.deepEqual(other.runtime.listPodSandboxes(), [], "another instance's");
  await other.close();
  // By another client, as crictl would.
  const client = openConnection(containerd.socket);
  await client.call("runtime.v1.RuntimeService/RemovePodSandbox", { podSandboxId: gone });
  client.close();
  const second = await open(first.dataDir);
  assert.deepEqual(
    second.runtime.listPodSandboxes().map(({ id }) => id),
    [kept],
  );
  assert.equal(readdirSync(records).length, 1);
  assert.ok(!containerd.ctr("containers", "ls", "-q").includes(lost));
  await second.close();
  await first.close();
});
