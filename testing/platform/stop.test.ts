// Ctrl-C in the middle of work leaves nothing of the platform on the machine.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { capstan, startInstance, untilOutput } from "./instance.ts";

test("pods in the middle of a workflow, their mounts and the bridge go with the platform", async () => {
  await using instance = startInstance({ args: [] });
  await untilOutput(instance.process, instance.output, /split: succeeded/);
  const { bridge } = JSON.parse(readFileSync(join(instance.directory, "network.json"), "utf8"));
  assert.equal(await instance.stop(), 0);
  assert.deepEqual(processesOf(instance.directory), []);
  assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(instance.directory));
  if (bridge) assert.ok(!Object.keys(networkInterfaces()).includes(bridge));
});

test("what a killed platform leaves running is ended by capstan down", async () => {
  await using instance = startInstance({ args: [] });
  await untilOutput(instance.process, instance.output, /read: succeeded/);
  const { bridge } = JSON.parse(readFileSync(join(instance.directory, "network.json"), "utf8"));
  await instance.kill();
  const down = await capstan(["down", "--data-dir", instance.directory]);
  assert.match(down.stdout, /^Ended what a killed process had left running/);
  assert.deepEqual(processesOf(instance.directory), []);
  if (bridge) assert.ok(!Object.keys(networkInterfaces()).includes(bridge));
  const again = await capstan(["down", "--data-dir", instance.directory]);
  assert.match(again.stdout, /^Nothing runs on/);
});

test("agents of further nodes end when their platform is killed, and capstan down does not wait for them", {
  skip: process.getuid?.() === 0 ? false : "several nodes with networks need root",
}, async () => {
  await using instance = startInstance({ args: ["--no-quickstart", "--nodes", "2"] });
  const { parts } = await instance.ready();
  const agent = Number(
    /^process (\d+)$/.exec(parts.find(({ message }) => /^process \d+$/.test(message))?.message ?? "")?.[1],
  );
  assert.ok(agent > 0);
  // What is stopped does not hear that its platform has ended.
  process.kill(agent, "SIGSTOP");
  await instance.kill();
  const down = await capstan(["down", "--data-dir", instance.directory]);
  assert.match(down.stdout, /^Ended what a killed process had left running/);
  assert.deepEqual(processesOf(instance.directory), []);

  await using again = startInstance({ directory: instance.directory, args: ["--no-quickstart", "--nodes", "2"] });
  await again.ready();
  await again.kill();
  while (processesOf(instance.directory).some((line) => line.includes("bin.js node"))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal((await capstan(["down", "--data-dir", instance.directory])).code, 0);
  assert.deepEqual(processesOf(instance.directory), []);
});

/** Command lines that name the directory. */
function processesOf(directory: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.map(commandLine).filter((line) => line.includes(directory));
}

function commandLine(pid: string): string {
  try {
    readlinkSync(`/proc/${pid}/exe`);
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch (error) {
    // It has ended since it was listed, or is a thread of the kernel.
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}
