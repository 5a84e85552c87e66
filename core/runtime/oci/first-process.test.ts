import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Deferred, deferred } from "@capstan/base/async";
import { silent } from "@capstan/base/log";
import type { InProcessProgram } from "../in-process.ts";
import { allocateInstanceNetwork } from "../network/instance.ts";
import { canBridge, createRuntime } from "../runtime.ts";

const skip = canBridge() ? false : "networks of their own need root and the program ip";
/** Seconds: longer than a test may take. */
const grace = 600;

test("a wrapped command that does nothing about a signal is ended by it, though it comes first", { skip }, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-first-"));
  const network = allocateInstanceNetwork(dataDir, { bridged: true });
  const stop = new AbortController();
  const unwrap = (words: string[]) => (words[0] === "wrapper" ? { command: words.slice(1) } : undefined);
  const inProcess = new Map<string, InProcessProgram>([
    [
      "helper",
      async (container) => {
        container.kill("late", "SIGTERM");
        return (await container.waitFor("late")).exitCode;
      },
    ],
  ]);
  const open = createRuntime({ dataDir, network, launcher: "unshare", log: silent, unwrap, inProcess });
  const running = open.start(stop.signal);
  try {
    await open.ready;
    const { runtime } = open;
    // The wrapper's work is the agent's in pods that it has a part in.
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { restartPolicy: "Never", containers: [{ name: "wait", image: "helper" }] },
    };
    const about = { name: "p", namespace: "n", uid: "u", hostname: "h", labels: {}, namespaces: {}, pod };
    const { id: sandbox } = await runtime.runPodSandbox(about);
    const endOf = async (name: string, command: string[], graceSeconds: number) => {
      const id = await runtime.createContainer(sandbox, {
        ...{ name, attempt: 0, image: "capstan/host", command, env: [], mounts: [], labels: {} },
        logPath: join(dataDir, name),
      });
      await runtime.startContainer(id);
      await runtime.stopContainer(id, graceSeconds);
      return runtime.containerStatus(id).exitCode;
    };
    assert.equal(await endOf("wrapped", ["wrapper", "sleep", "1000"], grace), 143);
    assert.equal(await endOf("plain", ["sleep", "1000"], 0.1), 137);
    const ends = new Map<string, Deferred<void>>(["wait", "late"].map((name) => [name, deferred()]));
    runtime.onEvent(({ type, containerId }) => {
      if (type !== "stopped") return;
      ends.get(runtime.listContainers().find((one) => one.id === containerId)?.config.name ?? "")?.resolve();
    });
    const start = async (name: string, image: string, command: string[]) => {
      const id = await runtime.createContainer(sandbox, {
        ...{ name, attempt: 0, image, command, env: [], mounts: [], labels: {} },
        logPath: join(dataDir, name),
      });
      await runtime.startContainer(id);
      return id;
    };
    // A signal to what has not begun is not lost.
    const helper = await start("wait", "helper", []);
    await start("late", "capstan/host", ["wrapper", "sleep", "1000"]);
    await Promise.all([...ends.values()].map(({ promise }) => promise));
    assert.equal(runtime.containerStatus(helper).exitCode, 143);
    // Without a command it is the image's: a shell, which may find its input's end before the signal comes.
    assert.ok([0, 143].includes((await endOf("images", ["wrapper"], grace)) ?? -1));
  } finally {
    stop.abort();
    await running;
    rmSync(dataDir, { recursive: true, force: true });
  }
});
