import assert from "node:assert/strict";
import { test } from "node:test";
import { silent } from "@capstan/base/log";
import type { Recorder } from "@capstan/core/reconcile";
import type { ImageService, ImageStatus, RuntimeService } from "@capstan/core/runtime";
import { ImageCollector } from "./image-collector.ts";

const GiB = 2 ** 30;
const minute = 60_000;

/** A disk of 100 GiB whose images can be removed. */
function bench(sizes: Record<string, number>, others: number) {
  const stored = new Map<string, ImageStatus>(
    Object.entries(sizes).map(([id, size]) => [id, { id, names: [id], size: size * GiB, pinned: id === "builtin" }]),
  );
  const used = new Set<string>();
  const warnings: string[] = [];
  const images: Partial<ImageService> = {
    listImages: () => [...stored.values()],
    removeImage: async (id) => void stored.delete(id),
    imageFileSystem: () => ({ mountpoint: "/images", usedBytes: 0 }),
  };
  const runtime: Partial<RuntimeService> = {
    listContainers: () => [...used].map((imageId) => ({ imageId })) as ReturnType<RuntimeService["listContainers"]>,
  };
  const recorder: Partial<Recorder> = { warning: (_, reason, message) => void warnings.push(`${reason}: ${message}`) };
  const collector = new ImageCollector({
    images: images as ImageService,
    runtime: runtime as RuntimeService,
    recorder: recorder as Recorder,
    nodeName: "n",
    log: silent,
    disk: () => {
      const taken = stored.values().reduce((sum, { size }) => sum + size, others * GiB);
      return { capacity: 100 * GiB, available: 100 * GiB - taken };
    },
  });
  return { collector, used, stored, warnings };
}

test("below the high mark nothing goes; above it the longest unused go until the low one", async () => {
  const { collector, used, stored, warnings } = bench({ builtin: 1, a: 5, b: 5, c: 5 }, 68);
  assert.deepEqual(await collector.collect(0), [], "84 %");
  used.add("a").add("c");
  await collector.collect(1 * minute);
  used.delete("a");
  stored.set("d", { id: "d", names: [], size: GiB });
  assert.deepEqual(await collector.collect(2 * minute), ["b"], "never used: before what once was");
  assert.deepEqual(warnings, []);
});

test("what is in use, built in or new stays, and an event says that it was not enough", async () => {
  const { collector, used, warnings } = bench({ builtin: 1, used: 5, unused: 2 }, 82);
  used.add("used");
  assert.deepEqual(await collector.collect(0), [], "too new");
  assert.deepEqual(await collector.collect(3 * minute), ["unused"]);
  assert.match(warnings.at(-1) ?? "", /^FreeDiskSpaceFailed: .*only found 2147483648 bytes eligible to free/);
});
