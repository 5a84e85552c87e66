// Images and their layers on disk: `images/` has their records, `layers/` their files, `joints/` what lies between.
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { removeTreeSlowly } from "../oci/remove-tree.ts";
import type { Image } from "./image.ts";
import { stackLayers } from "./joint.ts";
import { LayerStore, type StoredLayer } from "./layer-store.ts";
import { type ImageRecord, ImageRecords } from "./records.ts";
import { formatReference, parseReference } from "./reference.ts";
import type { LayerLimits } from "./unpack.ts";

interface Stacked {
  directories: string[];
  joints: string[];
}

export class ImageStore {
  readonly layers: LayerStore;
  readonly #directory: string;
  readonly #records: ImageRecords;
  readonly #stacks = new Map<string, Stacked>();

  /** @param directory absolute. */
  constructor(directory: string, limits?: LayerLimits) {
    this.#directory = directory;
    this.#records = new ImageRecords(join(directory, "images"));
    this.layers = new LayerStore({ directory: join(directory, "layers"), limits });
  }

  /** @param mapped whether a name means something else now. */
  async open(mapped: (name: string) => boolean): Promise<void> {
    this.layers.open();
    // Of an image without layers, an overlay still needs a directory.
    for (const name of ["joints", "empty"]) mkdirSync(join(this.#directory, name), { recursive: true, mode: 0o755 });
    this.#records.open(({ diffs }) => diffs.every((diff) => this.layers.find(diff)));
    for (const record of this.#records.all()) {
      this.#stacks.set(record.id, this.#stack(record));
      for (const name of record.names)
        if (mapped(name)) this.#records.untag(this.#records.find(record.id) ?? record, name);
    }
    await this.#sweep();
  }

  async close(): Promise<void> {
    await this.layers.close();
  }

  get usedBytes(): number {
    return this.layers.usedBytes;
  }

  /** By an id, or by a name or digest as a pod may have it. */
  find(name: string): Image | undefined {
    const record = this.#records.find(name);
    return record && this.#image(record);
  }

  list(): Image[] {
    return this.#records.all().map((record) => this.#image(record));
  }

  /** Its layers have to be there. */
  put(record: ImageRecord): void {
    this.#stacks.set(record.id, this.#stack(record));
    this.#records.put(record);
  }

  /** One name, or all of an id; an image without a name goes, with the layers that no other one has. */
  async remove(name: string): Promise<void> {
    const record = this.#records.find(name);
    if (!record) return;
    const full = name === record.id ? undefined : formatReference(parseReference(name));
    if (full !== undefined && record.names.length > 1 && record.names.includes(full))
      return this.#records.untag(record, full);
    this.#records.remove(record.id);
    this.#stacks.delete(record.id);
    await this.#sweep();
  }

  #image(record: ImageRecord): Image {
    const { id, names, digests, diffs, settings } = record;
    const { directories } = this.#stacks.get(id) as Stacked;
    const layers = directories.length > 0 ? directories : [join(this.#directory, "empty")];
    const size = new Set(diffs).values().reduce((sum, diff) => sum + (this.layers.find(diff)?.bytes ?? 0), 0);
    return { id, names, digests, root: { kind: "layers", layers }, size, ...settings };
  }

  #stack({ diffs }: ImageRecord): Stacked {
    // An overlay takes a directory once; of a layer that is there twice, the upper one has all that the lower one has.
    const once = [...new Set(diffs.toReversed())].toReversed();
    const placed = once.map((diff) => ({
      layer: this.layers.find(diff) as StoredLayer,
      path: this.layers.pathOf(diff),
    }));
    return stackLayers(placed, join(this.#directory, "joints"));
  }

  async #sweep(): Promise<void> {
    await this.layers.sweep(new Set(this.#records.all().flatMap(({ diffs }) => diffs)));
    const used = (name: string) => this.#stacks.values().some(({ joints }) => joints.includes(name));
    for (const name of readdirSync(join(this.#directory, "joints"))) {
      if (!used(name)) await removeTreeSlowly(join(this.#directory, "joints", name));
    }
  }
}
