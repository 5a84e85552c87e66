// Programs that listen end in good order when their node stops, or when what a killed node left is cleaned up.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silent } from "@capstan/base/log";
import { programsMissing } from "@capstan/testing/programs";
import { removeLeftovers } from "../leftovers.ts";
import { allocateInstanceNetwork } from "../network/instance.ts";
import { canBridge, createRuntime, type Runtime } from "../runtime.ts";

const skip = canBridge() ? false : "networks of their own need root and the program ip";

/** Two programs: one listens for the stop, one does not. @returns when both run */
async function begin({ runtime }: Runtime, base: string): Promise<void> {
  const namespaces = {};
  const pod = { name: "p", namespace: "n", uid: "u", hostname: "h", labels: {}, namespaces };
  const { id: sandbox } = await runtime.runPodSandbox(pod);
  const listens = "trap 'sleep 0.1; touch /told/ended; exit 0' TERM; touch /told/ready; while :; do sleep 0.02; done";
  for (const [name, script] of Object.entries({ listens, deaf: "exec sleep 1000" })) {
    const id = await runtime.createContainer(sandbox, {
      name,
      attempt: 0,
      image: "capstan/host",
      command: ["sh", "-c", script],
      env: [],
      mounts: [{ hostPath: join(base, "told"), containerPath: "/told" }],
      labels: {},
      logPath: join(base, `${name}.log`),
    });
    await runtime.startContainer(id);
  }
  await appeared(join(base, "told"), "ready");
}

async function appeared(directory: string, name: string): Promise<void> {
  const watcher = watch(directory);
  try {
    while (!existsSync(join(directory, name))) await once(watcher, "change");
  } finally {
    watcher.close();
  }
}

for (const launcher of ["unshare", "runc"] as const) {
  const missing = skip || (launcher === "runc" && programsMissing("runc")) || false;
  test(`${launcher}: a program that listens ends in good order; its end is not its own`, {
    skip: missing,
  }, async () => {
    const base = mkdtempSync(join(tmpdir(), "capstan-order-"));
    const told = join(base, "told");
    mkdirSync(told);
    const dataDir = join(base, "data");
    mkdirSync(dataDir);
    const network = allocateInstanceNetwork(dataDir, { bridged: true });
    const opened: { stop: AbortController; over: Promise<void> }[] = [];
    const open = async () => {
      const stop = new AbortController();
      const runtime = createRuntime({ dataDir, network, launcher, log: silent });
      const over = runtime.start(stop.signal);
      opened.push({ stop, over });
      await runtime.ready;
      return { runtime, stop, over };
    };
    try {
      const first = await open();
      await begin(first.runtime, base);
      first.stop.abort();
      await first.over;
      assert.deepEqual(readdirSync(told), ["ended", "ready"]);
      const reasons = first.runtime.runtime.listContainers().map(({ reason }) => reason);
      assert.deepEqual(reasons, ["Interrupted", "Interrupted"]);

      for (const name of readdirSync(told)) rmSync(join(told, name));
      const second = await open();
      await begin(second.runtime, base);
      second.runtime.detach?.();
      await second.over;
      assert.equal(await removeLeftovers(dataDir), true);
      assert.deepEqual(readdirSync(told), ["ended", "ready"]);
      const third = await open();
      for (const { reason } of third.runtime.runtime.listContainers()) assert.equal(reason, "Interrupted");
      third.stop.abort();
      await third.over;
    } finally {
      for (const { stop } of opened) stop.abort();
      await Promise.allSettled(opened.map(({ over }) => over));
      rmSync(base, { recursive: true });
    }
  });
}
