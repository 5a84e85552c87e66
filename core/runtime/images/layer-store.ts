// Unpacked layers, each once whatever number of images has it: `layers/<name>` with its facts in `layers/<name>.json`.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../cri.ts";
import { removeTree, removeTreeSlowly } from "../oci/remove-tree.ts";
import { hexOf } from "./digest.ts";
import { type LayerLimits, layerLimits, type UnpackedLayer, type UnpackJob } from "./unpack.ts";
import { UnpackPool } from "./unpack-pool.ts";

type LayerFile = Pick<UnpackJob, "blob" | "digest">;

/** A layer that is on disk. */
export type StoredLayer = UnpackedLayer;

export interface LayerStoreOptions {
  /** Absolute. */
  directory: string;
  limits?: LayerLimits;
  /** Layers that are unpacked at a time. */
  threads?: number;
}

export class LayerStore {
  readonly #directory: string;
  readonly #limits: LayerLimits;
  readonly #pool: UnpackPool;
  readonly #layers = new Map<string, StoredLayer>();
  readonly #making = new Map<string, Promise<StoredLayer>>();
  /** Layers that a pull needs, by how many do: they are not swept. */
  readonly #held = new Map<string, number>();

  constructor({ directory, limits = layerLimits, threads = 2 }: LayerStoreOptions) {
    this.#directory = directory;
    this.#limits = limits;
    this.#pool = new UnpackPool(threads);
  }

  /** Reads what is there, and removes what an agent that was killed has left half done. */
  open(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const names = readdirSync(this.#directory);
    const whole = new Set<string>();
    for (const name of names.filter((one) => /^[0-9a-f]+$/.test(one))) {
      const layer = readFacts(join(this.#directory, `${name}.json`));
      if (!layer || nameOf(layer.diff) !== name) continue;
      this.#layers.set(layer.diff, layer);
      whole.add(name).add(`${name}.json`);
    }
    for (const name of names) if (!whole.has(name)) removeTree(join(this.#directory, name));
  }

  get usedBytes(): number {
    return this.#layers.values().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  find(diff: string): StoredLayer | undefined {
    return this.#layers.get(diff);
  }

  pathOf(diff: string): string {
    return join(this.#directory, nameOf(diff));
  }

  /** Keeps layers from being swept until the result is disposed of. */
  hold(diffs: string[]): Disposable {
    for (const diff of diffs) this.#held.set(diff, (this.#held.get(diff) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        for (const diff of diffs) {
          const left = (this.#held.get(diff) ?? 1) - 1;
          if (left > 0) this.#held.set(diff, left);
          else this.#held.delete(diff);
        }
      },
    };
  }

  /**
   * The layer, unpacked if it is not there. Two that want the same one share the work; the work of one whose signal
   * aborts is begun again by the other.
   * @param make calls back with the layer's blob once it has that.
   */
  async ensure(
    diff: string,
    make: (unpack: (blob: LayerFile) => Promise<StoredLayer>) => Promise<StoredLayer>,
    signal?: AbortSignal,
  ): Promise<StoredLayer> {
    for (;;) {
      const there = this.#layers.get(diff);
      if (there) return there;
      const making = this.#making.get(diff);
      if (!making) break;
      await waitFor(making, signal);
    }
    const made = make((blob) => this.#unpack(diff, blob, signal));
    this.#making.set(diff, made);
    try {
      return await made;
    } finally {
      this.#making.delete(diff);
    }
  }

  /** Removes the layers that are neither named nor held. */
  async sweep(needed: Set<string>): Promise<void> {
    for (const diff of [...this.#layers.keys()]) {
      if (needed.has(diff) || this.#held.has(diff)) continue;
      this.#layers.delete(diff);
      const path = this.pathOf(diff);
      // Without its facts it is not taken for whole, should the removal be cut off.
      rmSync(`${path}.json`, { force: true });
      const trash = mkdtempSync(`${path}.`);
      renameSync(path, join(trash, "layer"));
      await removeTreeSlowly(trash);
    }
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #unpack(diff: string, blob: LayerFile, signal: AbortSignal | undefined): Promise<StoredLayer> {
    const target = this.pathOf(diff);
    if (existsSync(target)) throw new RuntimeError("InvalidImage", `layer ${diff} has the short name of another one`);
    const made = mkdtempSync(`${target}.`);
    try {
      const layer = await this.#pool.run(
        { blob: blob.blob, digest: blob.digest, directory: made, limits: this.#limits },
        signal,
      );
      if (layer.diff !== diff)
        throw new RuntimeError("InvalidImage", `the layer's content is not ${diff} but ${layer.diff}`);
      writeFileSync(`${target}.json.new`, JSON.stringify(layer), { mode: 0o600 });
      renameSync(made, target);
      renameSync(`${target}.json.new`, `${target}.json`);
      this.#layers.set(diff, layer);
      return layer;
    } catch (error) {
      await removeTreeSlowly(made);
      throw error;
    }
  }
}

/** Undefined when they were not written to their end: the layer may not be whole either. */
function readFacts(path: string): StoredLayer | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as StoredLayer;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Short, since the kernel takes a page of lowerdir paths at most; `diff` in the layer's facts tells it from others. */
const nameOf = (diff: string) => hexOf(diff).slice(0, 16);

/** Resolves when the other's work is over, however it went. */
async function waitFor(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const aborted = () => reject(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", aborted, { once: true });
  try {
    await Promise.race([Promise.allSettled([work]), promise]);
  } finally {
    signal?.removeEventListener("abort", aborted);
  }
}
