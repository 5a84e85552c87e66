import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silent } from "@capstan/base/log";
import { programsMissing } from "@capstan/testing/programs";
import type { Retries } from "../cri.ts";
import { allocateInstanceNetwork } from "../network/instance.ts";
import { canBridge, createRuntime } from "../runtime.ts";
import { forgetProcess } from "./again.ts";

const missing = canBridge() ? undefined : "networks of their own need root and the program ip";
const hour = 3_600_000;
/** Says how often it has been run, which its root remembers, and ends as it is told for each time. */
const script = (...codes: number[]) =>
  `echo x >>/count; n=$(wc -l </count); echo "run $n"; set -- ${codes.join(" ")}; shift $((n - 1)); exit $1`;

for (const launcher of ["runc", "unshare"] as const) {
  const skip = missing ?? (launcher === "runc" && (programsMissing("runc") || undefined)) ?? false;
  test(`${launcher}: a program that fails is started again in its container, as often as was said`, {
    skip,
    timeout: 60_000,
  }, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "capstan-again-"));
    const network = allocateInstanceNetwork(dataDir, { bridged: true });
    const begin = async () => {
      const stop = new AbortController();
      const all = createRuntime({ dataDir, network, launcher, log: silent });
      const running = all.start(stop.signal);
      await all.ready;
      return { ...all, stop, running };
    };
    let now = await begin();
    const go = join(dataDir, "go");
    mkdirSync(go);
    const pod = { name: "p", namespace: "n", uid: "u", hostname: "h", labels: {}, namespaces: {} };
    const { id: sandbox } = await now.runtime.runPodSandbox(pod);
    const start = async (name: string, text: string, retries: Retries) => {
      const id = await now.runtime.createContainer(sandbox, {
        ...{ name, attempt: 0, image: "capstan/host", command: ["sh", "-c", text], env: [], labels: {} },
        ...{ mounts: [{ hostPath: go, containerPath: "/go" }] },
        ...{ logPath: join(dataDir, name), retries },
      });
      await now.runtime.startContainer(id);
      return id;
    };
    const ended = (id: string) =>
      new Promise<void>((resolve) => {
        const over = () => now.runtime.containerStatus(id).state === "exited";
        now.runtime.onEvent((event) => event.type === "stopped" && over() && resolve());
        if (over()) resolve();
      });
    const codeOf = async (id: string) => {
      await ended(id);
      return now.runtime.containerStatus(id).exitCode;
    };
    const log = (name: string) => readFileSync(join(dataDir, name), "utf8").replace(/^\S+ stdout F /gm, "");
    const printed = async (name: string, text: string, id: string) => {
      const session = await now.runtime.attach(id);
      let all = log(name);
      if (all.includes(text)) return session.kill();
      for await (const data of session.stdout) {
        all += Buffer.from(data);
        if (all.includes(text)) break;
      }
      session.kill();
    };
    try {
      const well = await start("well", script(1, 2, 0), { times: 5, pauseMs: 1 });
      const badly = await start("badly", script(1, 2, 3, 4), { times: 2, pauseMs: 0 });
      assert.deepEqual([await codeOf(well), await codeOf(badly)], [0, 3]);
      assert.equal(log("well"), "run 1\nrun 2\nrun 3\n");
      assert.equal(log("badly"), "run 1\nrun 2\nrun 3\n");

      const asked = await start("asked", "trap 'exit 7' TERM; echo up; while :; do sleep 0.02; done", {
        ...{ times: 5, pauseMs: 0 },
      });
      await printed("asked", "up", asked);
      await now.runtime.stopContainer(asked, 600);
      assert.equal(now.runtime.containerStatus(asked).exitCode, 7);

      // What another agent finds between two runs is run again by it, once it is time.
      const waiting = await start("waiting", script(4, 0), { times: 1, pauseMs: hour });
      const left = await start("left", `until [ -e /go/now ]; do sleep 0.01; done; ${script(5, 6)}`, {
        ...{ times: 1, pauseMs: 0 },
      });
      assert.equal(now.runtime.containerStatus(waiting).state, "running");
      const cut = await start("cut", "exit 9", { times: 1, pauseMs: hour });
      const refusal = () => now.runtime.execSync(cut, ["true"]).then(() => "", String);
      while (!(await refusal()).includes("between two runs")) {}
      now.detach?.();
      await now.running;
      // As one leaves it that was killed before it had made the next process.
      forgetProcess(join(dataDir, "runtime", "containers", cut));
      writeFileSync(join(go, "now"), "");
      now = await begin();
      assert.equal(await codeOf(left), 6);
      assert.equal(log("left"), "run 1\nrun 2\n");
      assert.equal(now.runtime.containerStatus(cut).reason, "Interrupted");
      assert.equal(now.runtime.containerStatus(waiting).state, "running");
      await now.runtime.stopContainer(waiting, 600);
      assert.equal(now.runtime.containerStatus(waiting).exitCode, 4);
      assert.equal(log("waiting"), "run 1\n");
      now.detach?.();
      await now.running;
      now = await begin();
      assert.deepEqual(
        [asked, waiting].map((id) => now.runtime.containerStatus(id).exitCode),
        [7, 4],
      );
    } finally {
      now.stop.abort();
      await now.running;
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
}
