// What a hostile program in a container tries, and what survives an agent that is killed.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { silent } from "@capstan/base/log";
import { programsMissing } from "@capstan/testing/programs";
import type { ContainerConfig, PodSandboxConfig } from "../cri.ts";
import { allocateInstanceNetwork } from "../network/instance.ts";
import { canBridge, createRuntime, type Runtime } from "../runtime.ts";

const launchers = ["unshare", "runc"] as const;
const lacks = {
  unshare: canBridge() ? false : "networks of their own need root and the program ip",
  runc: canBridge() ? programsMissing("runc") : "networks of their own need root and the program ip",
};
interface Machine {
  base: string;
  dataDir: string;
  runtime: Runtime;
  end(): Promise<void>;
}
const machines = new Map<string, Machine>();
// Those of the launcher whose turn it is.
let base: string;
let dataDir: string;
let runtime: Runtime;
let made = 0;

/** The same test for both ways to make a container. */
function each(title: string, skip: string | false, run: (launcher: (typeof launchers)[number]) => Promise<void>): void {
  for (const launcher of launchers) {
    test(`${launcher}: ${title}`, { skip: lacks[launcher] || skip }, async () => {
      const machine = machines.get(launcher) ?? (await open(launcher));
      ({ base, dataDir, runtime } = machine);
      await run(launcher);
    });
  }
}

async function open(launcher: (typeof launchers)[number]): Promise<Machine> {
  const base = mkdtempSync(join(tmpdir(), "capstan-isolation-"));
  const dataDir = join(base, "data");
  mkdirSync(dataDir);
  mkdirSync(join(base, ".git"));
  writeFileSync(join(base, ".git/config"), "secret");
  writeFileSync(join(dataDir, "secret"), "key");
  const runtime = createRuntime({
    ...{ dataDir, launcher, codeDir: base, log: silent },
    network: allocateInstanceNetwork(dataDir, { bridged: true }),
    imageMap: [
      { pattern: "small", rootfs: smallRoot(join(base, "small"), base) },
      { pattern: "layout:*", rootfs: join(base, "layout") },
    ],
  });
  const stop = new AbortController();
  const running = runtime.start(stop.signal);
  await runtime.ready;
  const end = async () => {
    stop.abort();
    await running;
    rmSync(base, { recursive: true, force: true });
  };
  const machine = { base, dataDir, runtime, end };
  machines.set(launcher, machine);
  return machine;
}

after(async () => {
  for (const machine of machines.values()) await machine.end();
});

/** A root with one shell, and a link that would lead a careless mount to the node. */
function smallRoot(root: string, base: string): string {
  const libraries = execFileSync("ldd", ["/bin/dash"], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
  for (const path of ["/bin/dash", ...libraries]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
  execFileSync("ln", ["-s", base, join(root, "trap")]);
  return root;
}

async function output(config: Partial<ContainerConfig>, sandbox: Partial<PodSandboxConfig> = {}): Promise<string> {
  const uid = `u${made++}`;
  const pod = await runtime.runtime.runPodSandbox({
    ...{ name: "p", namespace: "n", uid, hostname: "h", labels: {}, namespaces: {} },
    ...sandbox,
  });
  const logPath = join(base, `${uid}.log`);
  const whole = { name: "c", attempt: 0, image: "capstan/host", env: [], mounts: [], labels: {}, logPath, ...config };
  await runtime.images.pullImage(whole.image);
  const id = await runtime.runtime.createContainer(pod.id, whole);
  const ended = new Promise<void>((resolve) => {
    runtime.runtime.onEvent((event) => event.type === "stopped" && event.containerId === id && resolve());
  });
  await runtime.runtime.startContainer(id);
  await ended;
  await runtime.runtime.removePodSandbox(pod.id);
  return readFileSync(logPath, "utf8").replace(/^\S+ std(out|err) [FP] /gm, "");
}

// The classic way out of a chroot: a directory that stays open above a new root.
const wayOut = `
  mkdir "/tmp/jail"; chroot "/tmp/jail" or die "chroot: $!";
  chdir ".." for 1 .. 64; chroot "." or die "chroot: $!";
  print -e "${"$ENV{SECRET}"}" ? "escaped" : "held", "\\n";
`;

each("a container's root cannot be left by chroot, nor the node's be named", perlMissing(), async () => {
  const env = [{ name: "SECRET", value: join(dataDir, "secret") }];
  assert.equal(await output({ command: ["perl", "-e", wayOut], env }), "held\n");
  const names = `cat ${dataDir}/secret /proc/1/root${dataDir}/secret /../..${dataDir}/secret; ls /proc/*/root -d`;
  assert.doesNotMatch(await output({ command: ["sh", "-c", names] }), /^key$/m);
  const mounts = await output({ command: ["cat", "/proc/self/mountinfo"] });
  const places = mounts.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
  assert.ok(places.includes("/proc") && !places.some((place) => place.startsWith(base)));
});

function perlMissing(): string | false {
  return existsSync("/usr/bin/perl") ? false : "perl is not installed";
}

each("the code is there to be read, without a data directory inside it", false, async () => {
  const text = await output({
    command: [
      "sh",
      "-c",
      "ls -A /opt/capstan /opt/capstan/data /opt/capstan/.git; touch /opt/capstan/x /opt/capstan/data/x",
    ],
  });
  assert.match(text, /^\/opt\/capstan:\n(.*\n)*data\n/m);
  assert.match(text, /\/opt\/capstan\/.git:\n\n\/opt\/capstan\/data:\n/);
  assert.equal((text.match(/Read-only file system/g) ?? []).length, 2);
  assert.doesNotMatch(text, /secret/);
});

each(
  "variables that the node's programs would heed reach the container's alone",
  programsMissing("python3"),
  async () => {
    const env = [
      { name: "LD_PRELOAD", value: "/nowhere/evil.so" },
      { name: "BASH_FUNC_mount%%", value: "() { echo taken; }" },
      { name: "PLAIN", value: "a'b\nc" },
      { name: "dotted.name", value: "1" },
    ];
    const text = await output({
      command: ["python3", "-c", "import os; print(sorted(k for k in os.environ)); print(repr(os.environ['PLAIN']))"],
      env,
    });
    assert.match(text, /'BASH_FUNC_mount%%'.*'LD_PRELOAD'.*'PLAIN'.*'dotted.name'/);
    assert.match(text, /"a'b\\nc"/);
    // Only the program and env in the container complain, never the chain before them.
    assert.ok((text.match(/cannot be preloaded/g) ?? []).length <= 2, text);
  },
);

each("a directory as root has its own files, and mounts do not follow its links to the node", false, async () => {
  const volume = join(base, "volume");
  mkdirSync(volume, { recursive: true });
  writeFileSync(join(volume, "here"), "");
  const text = await output({
    image: "small",
    command: ["/bin/dash", "-c", "echo /*; echo /trap/data/*; echo x >/made; [ -e /made ] && echo written"],
    mounts: [{ hostPath: volume, containerPath: "/trap/data" }],
  });
  assert.match(text, /\/bin \/dev .*\/lib.*\/proc .*\/trap/);
  assert.match(text, /\/trap\/data\/here\nwritten\n$/);
  assert.ok(!existsSync(join(base, "small/made")));
  assert.ok(existsSync(join(dataDir, "secret")) && !existsSync(join(dataDir, "here")));
});

each("an image of an OCI layout runs with its own settings", false, async () => {
  const layout = join(base, "layout");
  const put = (bytes: Buffer | string, mediaType: string) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(layout, "blobs/sha256", hex), bytes);
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest: `sha256:${hex}`, size: bytes.length };
  };
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  const archive = execFileSync("tar", ["-C", join(base, "small"), "-c", "."], { maxBuffer: 64 << 20 });
  const layer = put(gzipSync(archive), "layer.v1.tar+gzip");
  const diff = `sha256:${createHash("sha256").update(archive).digest("hex")}`;
  const settings = {
    Entrypoint: ["/bin/dash", "-c"],
    Cmd: ["echo $OWN $PWD $0"],
    Env: ["OWN=yes"],
    WorkingDir: "/made/here",
  };
  const config = put(
    JSON.stringify({ config: settings, rootfs: { type: "layers", diff_ids: [diff] } }),
    "config.v1+json",
  );
  const manifest = put(JSON.stringify({ config, layers: [layer] }), "manifest.v1+json");
  writeFileSync(join(layout, "index.json"), JSON.stringify({ manifests: [manifest] }));
  writeFileSync(join(layout, "oci-layout"), "{}");
  assert.equal(await output({ image: "layout:1" }), "yes /made/here /bin/dash\n");
});

each("limits hold: processes, and memory of a tmpfs", false, async () => {
  const forks = "i=0; while [ $i -lt 200 ]; do sleep 5 & i=$((i+1)); done; echo all";
  const text = await output({ command: ["sh", "-c", forks], resources: { pidsLimit: 30 } });
  assert.match(text, /Cannot fork/);
  const shared = await output({
    command: ["sh", "-c", "head -c 80m /dev/zero >/dev/shm/big; stat -c %s /dev/shm/big"],
  });
  assert.match(shared, /No space left on device/);
});

each("pods reach each other, each at its own address and localhost", programsMissing("python3"), async () => {
  const pod = await runtime.runtime.runPodSandbox({
    name: "s",
    namespace: "n",
    uid: "s",
    hostname: "server",
    labels: {},
    namespaces: {},
  });
  const server =
    "import socket; s=socket.create_server(('0.0.0.0', 7000)); print('up', flush=True); c,_=s.accept(); c.sendall(b'hello')";
  const logPath = join(base, "server.log");
  const config: ContainerConfig = {
    name: "c",
    attempt: 0,
    image: "capstan/host",
    command: ["python3", "-c", server],
    env: [],
    mounts: [],
    labels: {},
    logPath,
  };
  await runtime.runtime.startContainer(await runtime.runtime.createContainer(pod.id, config));
  const client = `import socket,time
while True:
  try: s=socket.create_connection(('${pod.ip}', 7000)); break
  except ConnectionRefusedError: time.sleep(0.02)
print(s.recv(9).decode())`;
  assert.equal(await output({ command: ["python3", "-c", client] }), "hello\n");
  const alone = "import socket; print(socket.socket().connect_ex(('127.0.0.1', 7000)))";
  assert.equal(await output({ command: ["python3", "-c", alone] }), "111\n");
  await runtime.runtime.removePodSandbox(pod.id);
});

const agent = `
  import { silent } from "@capstan/base/log";
  import { allocateInstanceNetwork, createRuntime } from "@capstan/core/runtime";
  const [dataDir, launcher] = process.argv.slice(1);
  const { runtime, ready, start } = createRuntime({ dataDir, launcher, network: allocateInstanceNetwork(dataDir, { bridged: true }), log: silent });
  void start(new AbortController().signal);
  await ready;
  const pod = await runtime.runPodSandbox({ name: "p", namespace: "n", uid: "u", hostname: "h", labels: {}, namespaces: {} });
  for (const [attempt, script] of ["i=0; until [ -e /go/on ]; do i=$((i+1)); echo $i; sleep 0.01; done; echo end; exit 5", "exec sleep 1000",
    "until [ -e /go/killed ]; do sleep 0.01; done; echo late; printf unended; exit 7"].entries()) {
    const id = await runtime.createContainer(pod.id, { name: "c", attempt, image: "capstan/host", command: ["sh", "-c", script], env: [],
      mounts: [{ hostPath: process.argv[1] + "/go", containerPath: "/go" }], labels: {}, logPath: process.argv[1] + "/" + attempt + ".log" });
    await runtime.startContainer(id);
  }
  console.log("started");
`;

each(
  "containers outlive an agent that is killed; the next one gets their output, exit codes and addresses",
  false,
  async (launcher) => {
    const directory = join(base, "adopt");
    mkdirSync(join(directory, "go"), { recursive: true });
    const child = spawn(process.execPath, ["--input-type=module", "-e", agent, directory, launcher], {
      cwd: import.meta.dirname,
    });
    let errors = "";
    child.stderr.on("data", (data) => (errors += data));
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("close", () => reject(new Error(errors)));
    });
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    // One prints and ends while no agent is there to read it.
    writeFileSync(join(directory, "go/killed"), "");
    execFileSync("sh", ["-c", `until grep -qs 7 ${directory}/runtime/containers/*/exit; do sleep 0.01; done`]);
    const end = new AbortController();
    const network = allocateInstanceNetwork(directory, { bridged: true });
    const next = createRuntime({ dataDir: directory, network, log: silent });
    const over = next.start(end.signal);
    await next.ready;
    const [counting, sleeping, late] = next.runtime
      .listContainers()
      .sort((a, b) => a.config.attempt - b.config.attempt);
    assert.deepEqual([counting?.state, sleeping?.state, late?.state], ["running", "running", "exited"]);
    assert.equal(late?.exitCode, 7);
    const said = readFileSync(join(directory, "2.log"), "utf8").trim().split("\n");
    assert.deepEqual(
      said.map((line) => line.split(/ stdout [FP] /)[1]),
      ["late", "unended"],
    );
    const ended = new Promise<void>((resolve) => next.runtime.onEvent(({ type }) => type === "stopped" && resolve()));
    writeFileSync(join(directory, "go/on"), "");
    await ended;
    assert.equal(next.runtime.containerStatus(counting?.id ?? "").exitCode, 5);
    const lines = readFileSync(join(directory, "0.log"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" F ")[1]);
    // What the killed agent had read but not yet written is lost: one gap at most, and nothing twice.
    const counted = lines.slice(0, -1).map(Number);
    const steps = counted.map((number, index) => number - (counted[index - 1] ?? 0));
    assert.ok(steps.every((step) => step >= 1) && steps.filter((step) => step > 1).length <= 1, lines.join());
    assert.equal(lines.at(-1), "end");
    const [pod] = next.runtime.listPodSandboxes();
    const other = await next.runtime.runPodSandbox({
      name: "o",
      namespace: "n",
      uid: "o",
      hostname: "o",
      labels: {},
      namespaces: {},
    });
    assert.notEqual(other.ip, pod?.ip);
    end.abort();
    await over;
    assert.deepEqual(
      readdirSync("/sys/class/net").filter((name) => name === network.bridge),
      [],
    );
    assert.equal(next.runtime.containerStatus(sleeping?.id ?? "").reason, "Interrupted");
  },
);
