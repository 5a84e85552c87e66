// Brings an image's layers to the node.
import { statfsSync } from "node:fs";
import type { Logger } from "@capstan/base/log";
import type { PullProgress } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import type { LayerStore } from "./layer-store.ts";
import { type ImageSource, type ResolvedImage, resolveImage } from "./source.ts";
import { Turns } from "./turns.ts";

/** Layers that one pull loads at a time. */
const perPull = 3;

export interface PullOptions {
  layers: LayerStore;
  /** Bounds the layers that are loaded at a time, of all pulls together. */
  turns: Turns;
  /** Where layers are unpacked. */
  directory: string;
  log: Logger;
}

/** What a pull has found, with its layers held until they are recorded. */
export interface Pulled extends Disposable {
  image: ResolvedImage;
}

/** @param progress gets the layers as they are known. */
export async function pull(
  source: ImageSource,
  { layers, turns, directory, log }: PullOptions,
  progress: PullProgress,
  signal?: AbortSignal,
): Promise<Pulled> {
  const image = await resolveImage(source, signal);
  const held = layers.hold(image.layers.map(({ diff }) => diff));
  try {
    checkSpace(image, layers, directory);
    progress.layers = image.layers.map(({ blob, diff }) => {
      const there = layers.find(diff) !== undefined;
      const { digest, size } = blob;
      return { digest, size, received: there ? size : 0, state: there ? "done" : "waiting" };
    });
    const own = new Turns(perPull);
    // The first failure ends the others' work.
    const failed = new AbortController();
    const both = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
    const work = image.layers.map(async ({ blob, diff }, at) => {
      const state = progress.layers[at] as PullProgress["layers"][number];
      try {
        const layer = await layers.ensure(
          diff,
          (unpack) =>
            own.take(
              () =>
                turns.take(async () => {
                  state.state = "downloading";
                  const file = await source.layer(blob, (bytes) => (state.received = bytes), both);
                  try {
                    state.state = "unpacking";
                    return await unpack(file);
                  } finally {
                    // Cut off for another's sake it is of use to the next try; broken it is not.
                    if (!both.aborted) file.done();
                  }
                }, both),
              both,
            ),
          both,
        );
        state.state = "done";
        if (layer.notes.length > 0)
          log.warn("an image's layer lacks something", { image: source.where, notes: layer.notes });
        log.debug("a layer is there", { image: source.where, digest: blob.digest, bytes: layer.bytes });
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    });
    await settle(work);
    return { image, [Symbol.dispose]: () => held[Symbol.dispose]() };
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

/** Waits until all work has ended, so that nothing goes on behind a failure. */
async function settle(work: Promise<void>[]): Promise<void> {
  const failures = (await Promise.allSettled(work)).filter((one) => one.status === "rejected");
  const [first] = failures;
  if (!first) return;
  throw (failures.find(({ reason }) => reason instanceof RuntimeError) ?? first).reason;
}

function checkSpace(image: ResolvedImage, layers: LayerStore, directory: string): void {
  const missing = image.layers.filter(({ diff }) => layers.find(diff) === undefined);
  const bytes = missing.reduce((sum, { blob }) => sum + blob.size, 0);
  const { bavail, bsize } = statfsSync(directory);
  if (bytes < bavail * bsize) return;
  throw new RuntimeError(
    "Failed",
    `no space for images: the layers have ${bytes} bytes and more when unpacked, and ${bavail * bsize} are free at ${directory}`,
  );
}
