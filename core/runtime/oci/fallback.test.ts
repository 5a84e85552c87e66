import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLogger, type LogRecord } from "@capstan/base/log";
import { canBridge } from "../runtime.ts";
import { findTool } from "./command.ts";
import type { Tools } from "./command-line.ts";
import { OciDriver } from "./driver.ts";

const skip = canBridge() ? false : "that needs root";

function toolsWith(runc: string): Tools {
  const names = {
    sh: "sh",
    unshare: "unshare",
    nsenter: "nsenter",
    mount: "mount",
    mkfifo: "mkfifo",
    setpriv: "setpriv",
  };
  const found = Object.entries(names).map(([key, name]) => [key, findTool(name)]);
  return { ...Object.fromEntries(found), runc } as Tools;
}

test("a runc that cannot make containers gives way, and says so; one that was asked for does not", {
  skip,
}, async () => {
  const base = mkdtempSync(join(tmpdir(), "capstan-fallback-"));
  const runc = join(base, "program");
  const said = '{"level":"error","msg":"runc run failed: this machine is too small"}';
  writeFileSync(runc, `#!/bin/sh\nprintf '${said}' >"$4"\nexit 1\n`);
  chmodSync(runc, 0o755);
  const records: LogRecord[] = [];
  const open = async (launcher: "auto" | "runc") => {
    const driver = new OciDriver({
      ...{ directory: join(base, launcher), instance: `capstan-fallback-${process.pid}-${launcher}`, launcher },
      ...{ tools: toolsWith(runc), hidden: [base], rootless: false },
      network: { take: () => "127.0.0.9", keep: () => {}, give: () => {} },
      image: () => ({
        ...{ id: "i", names: [], root: { kind: "host" }, user: "", size: 0 },
        ...{ entrypoint: [], cmd: [], env: {}, workingDir: "/" },
      }),
      log: createLogger((record) => records.push(record), "warn"),
    });
    await driver.open();
    const config = {
      name: "p",
      namespace: "n",
      uid: "u",
      hostname: "h",
      labels: {},
      namespaces: { hostNetwork: true },
    };
    const { id } = await driver.runPodSandbox(config);
    const make = (attempt: number) =>
      driver.createContainer(id, {
        ...{ name: "c", attempt, image: "i", command: ["echo", "made"], env: [], mounts: [], labels: {} },
        logPath: join(base, `${launcher}-${attempt}.log`),
      });
    return { driver, make };
  };
  try {
    const strict = await open("runc");
    await assert.rejects(strict.make(0), /container "c": this machine is too small/);
    await strict.driver.close();
    assert.deepEqual(records, []);
    const { driver, make } = await open("auto");
    assert.equal(driver.launcher, "runc");
    const ids = [await make(0), await make(1)];
    assert.equal(driver.launcher, "unshare");
    assert.equal(records.length, 1);
    const ended = new Promise<void>((resolve) => driver.onEvent(({ type }) => type === "stopped" && resolve()));
    await driver.startContainer(ids[1] ?? "");
    await ended;
    assert.match(readFileSync(join(base, "auto-1.log"), "utf8"), / stdout F made\n$/);
    await driver.close();
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
