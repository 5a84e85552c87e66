import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const nobody = 65534;
const as = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];

function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "becoming another user needs root";
  const limit = "/proc/sys/user/max_user_namespaces";
  if (existsSync(limit) && Number(readFileSync(limit, "utf8")) === 0) return "user namespaces are switched off";
  if (!existsSync("/usr/bin/setpriv")) return "setpriv is not installed";
  const looking = spawnSync("/usr/bin/setpriv", [...as, "test", "-r", import.meta.filename]);
  return looking.status === 0 ? undefined : "another user may not read this directory: clone where others may enter";
}

const program = `
  import { silent } from "@capstan/base/log";
  import { allocateInstanceNetwork, canBridge, createRuntime } from "@capstan/core/runtime";
  const dataDir = process.argv[1];
  const stop = new AbortController();
  const network = allocateInstanceNetwork(dataDir, { bridged: canBridge(), registry: dataDir + "/registry" });
  const { runtime, ready, start, missing } = createRuntime({ dataDir, network, log: silent });
  const running = start(stop.signal);
  await ready;
  const pod = await runtime.runPodSandbox({ name: "p", namespace: "n", uid: "u", hostname: "h", labels: {}, namespaces: {} });
  const id = await runtime.createContainer(pod.id, { name: "c", attempt: 0, image: "capstan/host", env: [], mounts: [], labels: {},
    command: ["sh", "-c", "id -u; touch /etc/left /usr/left && echo wrote; until [ -e /tmp/go ]; do sleep 0.02; done; exit 4"],
    logPath: dataDir + "/0.log" });
  const ended = new Promise((resolve) => runtime.onEvent(({ type }) => type === "stopped" && resolve()));
  await runtime.startContainer(id);
  const exec = await runtime.execSync(id, ["sh", "-c", "id -u; hostname; exit 3"]);
  await runtime.execSync(id, ["touch", "/tmp/go"]);
  await ended;
  const { exitCode } = runtime.containerStatus(id);
  await runtime.removePodSandbox(pod.id);
  stop.abort();
  await running;
  console.log(JSON.stringify({ ip: pod.ip, exitCode, exec: exec.exitCode, said: String(exec.stdout), missing: missing() }));
`;

test("an ordinary user's containers are isolated too, without networks of their own", { skip: missing() }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-rootless-"));
  try {
    chownSync(directory, nobody, nobody);
    const node = [process.execPath, "--input-type=module", "-e", program, directory];
    const child = spawn("/usr/bin/setpriv", [...as, ...node], { cwd: import.meta.dirname, env: { HOME: directory } });
    let text = "";
    let errors = "";
    child.stdout.on("data", (data) => (text += data));
    child.stderr.on("data", (data) => (errors += data));
    const code = await new Promise((resolve) => child.once("close", resolve));
    assert.equal(code, 0, errors);
    const { ip, exitCode, exec, said, missing: lacks } = JSON.parse(text);
    assert.match(ip, /^127\.\d+\.0\.2$/);
    assert.deepEqual([exitCode, exec, said], [4, 3, "0\nh\n"]);
    assert.deepEqual(lacks, [
      "pods share the node's network: one of their own needs root and the program ip",
      "containers have no limits of cpu and memory: that needs root",
      "containers have no filter of system calls: that needs root and runc",
    ]);
    const log = readFileSync(join(directory, "0.log"), "utf8").replace(/^\S+ \S+ F /gm, "");
    assert.equal(log, "0\nwrote\n");
    assert.ok(!existsSync("/etc/left"));
    assert.deepEqual(readdirSync(join(directory, "runtime/containers")), []);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
