// An agent that is killed as it lets a program begin: the next one knows whether the program has begun.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silent } from "@capstan/base/log";
import { programsMissing } from "@capstan/testing/programs";
import type { ContainerStatus, RuntimeService } from "../cri.ts";
import { allocateInstanceNetwork } from "../network/instance.ts";
import { canBridge, createRuntime } from "../runtime.ts";

const skip = canBridge() ? false : "networks of their own need root and the program ip";

// Starts one container, and is killed just before or just after the word that starts the program.
const agent = `
  import { Socket } from "node:net";
  import { silent } from "@capstan/base/log";
  import { allocateInstanceNetwork, createRuntime } from "@capstan/core/runtime";
  const [base, launcher, moment] = process.argv.slice(1);
  const { write } = Socket.prototype;
  Socket.prototype.write = function (...words) {
    const end = (when) => words[0] === "go\\n" && moment === when && process.kill(process.pid, "SIGKILL");
    end("before");
    const result = write.apply(this, words);
    end("after");
    return result;
  };
  const network = allocateInstanceNetwork(base + "/data", { bridged: true });
  const { runtime, ready, start } = createRuntime({ dataDir: base + "/data", network, launcher, log: silent });
  void start(new AbortController().signal);
  await ready;
  const pod = await runtime.runPodSandbox({ name: "p", namespace: "n", uid: "u", hostname: "h", labels: {}, namespaces: {} });
  const id = await runtime.createContainer(pod.id, { name: "c", attempt: 0, image: "capstan/host", env: [], labels: {},
    command: ["sh", "-c", "echo ran >>/told/runs"], mounts: [{ hostPath: base + "/told", containerPath: "/told" }],
    logPath: base + "/log" });
  await runtime.startContainer(id);
`;

/** The end of the only container. */
async function endOf(runtime: RuntimeService): Promise<ContainerStatus | undefined> {
  const over = Promise.withResolvers<void>();
  const look = () => {
    if (runtime.listContainers().every(({ state }) => state === "exited")) over.resolve();
  };
  const stop = runtime.onEvent(look);
  look();
  await over.promise;
  stop();
  return runtime.listContainers()[0];
}

for (const launcher of ["unshare", "runc"] as const) {
  const missing = skip || (launcher === "runc" && programsMissing("runc")) || false;
  for (const moment of ["before", "after"]) {
    test(`${launcher}: an agent killed just ${moment} it starts a program`, { skip: missing }, async () => {
      const base = mkdtempSync(join(tmpdir(), "capstan-start-"));
      for (const name of ["data", "told"]) mkdirSync(join(base, name));
      const words = ["--input-type=module", "-e", agent, base, launcher, moment];
      const child = spawn(process.execPath, words, {
        cwd: import.meta.dirname,
        stdio: ["ignore", "inherit", "inherit"],
      });
      assert.deepEqual(await once(child, "close"), [null, "SIGKILL"]);
      const network = allocateInstanceNetwork(join(base, "data"), { bridged: true });
      const stop = new AbortController();
      const { runtime, ready, start } = createRuntime({ dataDir: join(base, "data"), network, launcher, log: silent });
      const running = start(stop.signal);
      try {
        await ready;
        const end = await endOf(runtime);
        const runs = join(base, "told", "runs");
        assert.equal(existsSync(runs) ? readFileSync(runs, "utf8") : "", moment === "after" ? "ran\n" : "");
        assert.equal(end?.reason, moment === "after" ? "Completed" : "Interrupted");
      } finally {
        stop.abort();
        await running;
        rmSync(base, { recursive: true, force: true });
      }
    });
  }
}
