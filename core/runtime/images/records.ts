// The images that are on disk: a file each, with its names, settings and layers.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hexOf } from "./digest.ts";
import type { ImageSettings } from "./image.ts";
import { formatReference, parseReference } from "./reference.ts";

export interface ImageRecord {
  id: string;
  /** In full, such as docker.io/library/busybox:1.36. */
  names: string[];
  /** `docker.io/library/busybox@sha256:…` */
  digests: string[];
  /** The base first. */
  diffs: string[];
  settings: ImageSettings;
  /** RFC 3339: when it was last pulled. */
  pulledAt: string;
  /** From a directory that may change: another agent reads it again. */
  passing?: boolean;
}

export class ImageRecords {
  readonly #directory: string;
  readonly #records = new Map<string, ImageRecord>();

  /** @param directory absolute. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @param whole whether all that an image consists of is there; others are forgotten. */
  open(whole: (record: ImageRecord) => boolean): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      const record = name.endsWith(".json") ? read(path) : undefined;
      if (record && whole(record)) this.#save(record.passing ? { ...record, names: [] } : record);
      else rmSync(path, { force: true });
    }
  }

  all(): ImageRecord[] {
    return [...this.#records.values()];
  }

  /** By an id, or by a name or digest as a pod may have it. */
  find(name: string): ImageRecord | undefined {
    const byId = this.#records.get(name);
    if (byId) return byId;
    const { registry, repository, tag, digest } = parseReference(name);
    const records = this.#records.values();
    if (digest === undefined) {
      const full = formatReference({ registry, repository, tag });
      return records.find(({ names }) => names.includes(full));
    }
    const full = formatReference({ registry, repository, digest });
    return records.find(({ digests }) => digests.includes(full));
  }

  /** Takes its names from the images that had them: those stay, without the name. */
  put(record: ImageRecord): void {
    for (const other of this.all()) {
      if (other.id === record.id || !other.names.some((name) => record.names.includes(name))) continue;
      this.#save({ ...other, names: other.names.filter((name) => !record.names.includes(name)) });
    }
    const before = this.#records.get(record.id);
    const joined = (key: "names" | "digests") => [...new Set([...(before?.[key] ?? []), ...record[key]])];
    this.#save({ ...record, names: joined("names"), digests: joined("digests") });
  }

  remove(id: string): void {
    this.#records.delete(id);
    rmSync(this.#pathOf(id), { force: true });
  }

  /** Takes one name away. */
  untag(record: ImageRecord, name: string): void {
    this.#save({ ...record, names: record.names.filter((one) => one !== name) });
  }

  #save(record: ImageRecord): void {
    const path = this.#pathOf(record.id);
    writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    this.#records.set(record.id, record);
  }

  #pathOf(id: string): string {
    return join(this.#directory, `${hexOf(id)}.json`);
  }
}

/** Undefined when it was not written to its end. */
function read(path: string): ImageRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ImageRecord;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
