// Removes images that nobody uses when the disk is nearly full. Source: Kubernetes' documentation of image garbage collection.
import { statfsSync } from "node:fs";
import { sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Recorder } from "@capstan/core/reconcile";
import { type ImageService, type ImageStatus, RuntimeError, type RuntimeService } from "@capstan/core/runtime";

export interface CollectionPolicy {
  /** Per cent of the disk in use: above `high` images go until it is `low`. */
  high: number;
  low: number;
  /** Milliseconds that an image is kept after it was first seen unused. */
  minAge: number;
  /** Milliseconds between two looks at the disk. */
  period: number;
}

// The kubelet's.
export const kubeletPolicy: CollectionPolicy = { high: 85, low: 80, minAge: 120_000, period: 300_000 };

export interface ImageCollectorOptions {
  images: ImageService;
  runtime: RuntimeService;
  recorder: Recorder;
  nodeName: string;
  log: Logger;
  policy?: CollectionPolicy;
  /** Bytes of the disk that a directory is on; default statfs(2). */
  disk?: (path: string) => { capacity: number; available: number };
}

interface Seen {
  firstSeen: number;
  /** 0: never. */
  lastUsed: number;
}

export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #policy: CollectionPolicy;
  readonly #seen = new Map<string, Seen>();

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
    this.#policy = options.policy ?? kubeletPolicy;
  }

  /** Looks at the disk now and then until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.collect();
      } catch (error) {
        log.warn("images could not be collected", { error });
      }
      await sleep(this.#policy.period, signal);
    }
  }

  /** Removes what it must and may. @returns ids of the removed images. */
  async collect(now = Date.now()): Promise<string[]> {
    const { images, recorder, nodeName, disk = diskOf, log } = this.#options;
    const unused = this.#look(now);
    const place = images.imageFileSystem?.();
    if (!place) return [];
    const before = disk(place.mountpoint);
    const usage = 100 - Math.floor((before.available * 100) / before.capacity);
    if (usage < this.#policy.high) return [];
    const wanted = Math.ceil((before.capacity * (100 - this.#policy.low)) / 100);
    log.info("the disk of images is nearly full: unused images are removed", { usage, mountpoint: place.mountpoint });
    const removed: string[] = [];
    let { available } = before;
    for (const { id } of unused) {
      if (available >= wanted) break;
      if (now - (this.#seen.get(id)?.firstSeen ?? now) < this.#policy.minAge) continue;
      if (!(await this.#remove(id))) continue;
      removed.push(id);
      ({ available } = disk(place.mountpoint));
    }
    if (available < wanted) {
      const [most, found] = [wanted - before.available, Math.max(0, available - before.available)];
      const message = `Failed to garbage collect required amount of images. Attempted to free ${most} bytes, but only found ${found} bytes eligible to free.`;
      recorder.warning(aboutNode(nodeName), "FreeDiskSpaceFailed", message);
    }
    return removed;
  }

  /** Notes who is used; gives the others, the one that was longest not used first. */
  #look(now: number): ImageStatus[] {
    const { images, runtime } = this.#options;
    const used = new Set(runtime.listContainers().map(({ imageId }) => imageId));
    const all = images.listImages().filter(({ pinned }) => !pinned);
    const there = new Set(all.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!there.has(id)) this.#seen.delete(id);
    for (const id of there) {
      const { firstSeen = now, lastUsed = 0 } = this.#seen.get(id) ?? {};
      this.#seen.set(id, { firstSeen, lastUsed: used.has(id) ? now : lastUsed });
    }
    const seen = ({ id }: ImageStatus) => this.#seen.get(id) as Seen;
    return all
      .filter(({ id }) => !used.has(id))
      .sort((a, b) => seen(a).lastUsed - seen(b).lastUsed || seen(a).firstSeen - seen(b).firstSeen);
  }

  /** False when a container has taken it meanwhile. */
  async #remove(id: string): Promise<boolean> {
    try {
      await this.#options.images.removeImage(id);
      return true;
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      this.#options.log.warn("an image could not be removed", { id, error });
      return false;
    }
  }
}

const aboutNode = (name: string) => ({ apiVersion: "v1", kind: "Node", metadata: { name, uid: name } });

function diskOf(path: string): { capacity: number; available: number } {
  const { blocks, bavail, bsize } = statfsSync(path);
  return { capacity: blocks * bsize, available: bavail * bsize };
}
