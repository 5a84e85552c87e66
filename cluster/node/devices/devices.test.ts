// Device plugins over real gRPC: a vendor's side made of the same contract.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { silent } from "@capstan/base/log";
import { watchGpus } from "@capstan/core/runtime/devices";
import { DeviceVendor, registerPlugin } from "@capstan/testing/node";
import type { Device, RegisterRequest } from "./generated/device-plugin.ts";
import { DeviceManager } from "./manager.ts";
import { servePlugins } from "./plugin-socket.ts";

interface Bench extends AsyncDisposable {
  directory: string;
  file: string;
  manager: DeviceManager;
  /** Resolves when the amounts of a resource are these: capacity/allocatable. */
  until(resource: string, amounts: string): Promise<void>;
}

async function open(root = mkdtempSync(join(tmpdir(), "dev-")), graceMs?: number): Promise<Bench> {
  const directory = join(root, "plugins");
  const file = join(root, "devices.json");
  const manager = new DeviceManager({ file, log: silent, graceMs });
  const stop = new AbortController();
  const wakes = new Set<() => void>();
  manager.onChange(() => {
    for (const wake of wakes) wake();
  });
  const running = servePlugins({ manager, directory, log: silent }, stop.signal);
  return {
    directory,
    file,
    manager,
    until: (resource, wanted) =>
      new Promise((resolve) => {
        const look = () => {
          const { capacity, allocatable } = manager.amounts();
          if (`${capacity[resource]}/${allocatable[resource]}` !== wanted) return;
          wakes.delete(look);
          resolve();
        };
        wakes.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

const container = (name: string, count: number, more: Partial<Container> = {}): Container => ({
  name,
  image: "i",
  ...(count > 0 ? { resources: { limits: { "example.com/dongle": String(count) } } } : {}),
  ...more,
});
const pod = (uid: string, containers: Container[], initContainers?: Container[]): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: uid, uid },
  spec: { containers, ...(initContainers ? { initContainers } : {}) },
});
const dongles = (...ids: string[]): Device[] => ids.map((ID) => ({ ID, health: "Healthy" }));
const request = { version: "v1beta1", endpoint: "v.sock", resourceName: "example.com/dongle" };

test("a plugin's devices are told, given each to one container, and kept over a restart of the agent", async () => {
  const root = mkdtempSync(join(tmpdir(), "dev-"));
  const vendor = new DeviceVendor(dongles("a", "b", "c"));
  {
    await using bench = await open(root);
    await vendor.listen(join(bench.directory, "v.sock"));
    await registerPlugin(bench.directory, request);
    await bench.until("example.com/dongle", "3/3");
    const first = pod("first", [container("main", 2)]);
    await bench.manager.admit(first);
    await bench.manager.beforeStart(first, "main");
    assert.deepEqual(vendor.calls, ["allocate c,b", "start c,b"]);
    assert.deepEqual(bench.manager.grant(first, "main"), {
      env: [{ name: "DEV", value: "c,b" }],
      mounts: [{ containerPath: "/dev/dongle", hostPath: "/dev/null", device: true, readonly: false }],
    });
    await assert.rejects(bench.manager.admit(pod("second", [container("main", 2)])), {
      message: "requested number of devices unavailable for example.com/dongle. Requested: 2, Available: 1",
    });
    vendor.set([...dongles("a", "b"), { ID: "c", health: "Unhealthy" }]);
    await bench.until("example.com/dongle", "3/2");
  }
  vendor.close();
  const again = new DeviceVendor(dongles("a", "b", "c"));
  {
    await using bench = await open(root);
    assert.deepEqual(bench.manager.amounts().capacity, { "example.com/dongle": "0" });
    await again.listen(join(bench.directory, "v.sock"));
    await registerPlugin(bench.directory, request);
    await bench.until("example.com/dongle", "3/3");
    assert.equal(bench.manager.grant(pod("first", []), "main").env[0]?.value, "c,b");
    await bench.manager.admit(pod("third", [container("main", 1)]));
    assert.deepEqual(again.calls, ["allocate a"]);
    bench.manager.keepOnly(new Set(["third"]));
    await bench.manager.admit(pod("fourth", [container("main", 2)]));
    assert.deepEqual(again.calls, ["allocate a", "allocate c,b"]);
  }
  again.close();
  rmSync(root, { recursive: true });
});

test("main containers take over what init containers had; side-cars keep theirs", async () => {
  await using bench = await open();
  const vendor = new DeviceVendor(dongles("a", "b", "c"));
  await vendor.listen(join(bench.directory, "v.sock"));
  await registerPlugin(bench.directory, request);
  await bench.until("example.com/dongle", "3/3");
  const init = [container("prepare", 2), container("side", 1, { restartPolicy: "Always" })];
  await bench.manager.admit(pod("p", [container("main", 2)], init));
  const [prepare, side, main] = ["prepare", "side", "main"].map(
    (name) => bench.manager.grant(pod("p", []), name).env[0]?.value?.split(",") ?? [],
  );
  assert.deepEqual(prepare, ["c", "b"]);
  assert.equal(new Set([...(side ?? []), ...(main ?? [])]).size, 3);
  vendor.close();
});

test("when a plugin goes its devices are unhealthy, and gone after the grace", async () => {
  await using bench = await open(undefined, 1);
  const vendor = new DeviceVendor(dongles("a"));
  await vendor.listen(join(bench.directory, "v.sock"));
  await registerPlugin(bench.directory, request);
  await bench.until("example.com/dongle", "1/1");
  vendor.close();
  await bench.until("example.com/dongle", "0/0");
  await assert.rejects(bench.manager.admit(pod("p", [container("main", 1)])), /unregistered device/);
});

const wrong: [string, RegisterRequest, RegExp][] = [
  ["another version", { ...request, version: "v1" }, /requested API version "v1" is not supported/],
  ["a resource of Kubernetes' own", { ...request, resourceName: "kubernetes.io/x" }, /ResourceName .* is invalid/],
  ["a resource without a domain", { ...request, resourceName: "cpu" }, /ResourceName "cpu" is invalid/],
  ["an endpoint elsewhere", { ...request, endpoint: "../v.sock" }, /Endpoint .* is invalid/],
];
for (const [what, bad, words] of wrong) {
  test(`${what} is refused`, async () => {
    await using bench = await open();
    await assert.rejects(registerPlugin(bench.directory, bad), words);
    assert.deepEqual(bench.manager.amounts().capacity, {});
  });
}

test("GPUs are read from nvidia-smi; one that answers no more is missing from the next look", async () => {
  const directory = mkdtempSync(join(tmpdir(), "smi-"));
  const tool = join(directory, "nvidia-smi");
  const rows = ["0, GPU-aaaa-1, NVIDIA A100-SXM4-40GB, 40960", "1, GPU-bbbb-2, NVIDIA A100-SXM4-40GB, 40960"];
  const lost = "Unable to determine the device handle for GPU0000:81:00.0: Unknown Error";
  const looks = [...rows, rows[0], lost, rows[0]].map((row) => `echo '${row}'`).join("\n");
  writeFileSync(
    tool,
    `#!/bin/sh\ncase "$*" in *--loop=*) ${looks}\nexec sleep 600;; esac\n${rows.map((row) => `echo '${row}'`).join("\n")}\n`,
  );
  chmodSync(tool, 0o755);
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const gpus of watchGpus(tool, stop.signal)) {
    seen.push(gpus.map(({ index, uuid, memory }) => `${index} ${uuid} ${memory}`).join("; "));
    if (seen.length === 3) stop.abort();
  }
  assert.deepEqual(seen, [
    "0 GPU-aaaa-1 40960; 1 GPU-bbbb-2 40960",
    "0 GPU-aaaa-1 40960; 1 GPU-bbbb-2 40960",
    "0 GPU-aaaa-1 40960",
  ]);
  rmSync(directory, { recursive: true });
});
