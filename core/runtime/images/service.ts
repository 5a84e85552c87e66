import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@capstan/base/log";
import type { AuthConfig, ImageFileSystem, ImageService, ImageStatus, PullProgress } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import type { BuiltinImage, Image } from "./image.ts";
import { type ImageMapping, mappingOf, repositoryOf, settingsImage } from "./image-map.ts";
import { ImageStore } from "./image-store.ts";
import { isLayout, layoutSource } from "./oci-layout.ts";
import { pull } from "./pull.ts";
import { formatReference, parseReference, type Reference } from "./reference.ts";
import { Downloads } from "./registry/downloads.ts";
import { HttpClient } from "./registry/http.ts";
import { defaultTimings, type RegistryOptions } from "./registry/options.ts";
import { type RegistryAccess, registrySource } from "./registry/source.ts";
import { SharedWork } from "./shared-work.ts";
import type { ImageSource } from "./source.ts";
import { Turns } from "./turns.ts";
import type { LayerLimits } from "./unpack.ts";

export interface ImagesOptions {
  /** Absolute: layers are unpacked below it. */
  directory: string;
  builtin: BuiltinImage[];
  mappings: ImageMapping[];
  /** Repositories whose containers run inside the agent. */
  inProcess: Iterable<string>;
  registries?: RegistryOptions;
  limits?: LayerLimits;
  /** Ids of images that containers have: they are not removed. */
  inUse(): Iterable<string>;
  log: Logger;
}

/** Layers that are loaded at a time, of all pulls together: several servers may stall. */
const parallel = 12;

/** Images: built-in ones, those of the image map, and what registries have. */
export class Images implements ImageService {
  readonly #options: ImagesOptions;
  readonly #builtin: Map<string, BuiltinImage>;
  readonly #inProcess: Set<string>;
  readonly #store: ImageStore;
  readonly #access: RegistryAccess;
  readonly #turns = new Turns(parallel);
  readonly #shared = new SharedWork<string>();
  readonly #pulls = new Set<PullProgress>();
  readonly #listeners = new Set<() => void>();

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#inProcess = new Set(options.inProcess);
    this.#builtin = new Map(options.builtin.map((image) => [image.name, image]));
    if (!this.#builtin.has("capstan/host"))
      this.#builtin.set("capstan/host", { name: "capstan/host", cmd: ["/bin/sh"] });
    this.#store = new ImageStore(options.directory, options.limits);
    const { registries = {} } = options;
    const http = new HttpClient({ ...defaultTimings, ...registries.timings });
    this.#access = { options: registries, http, downloads: new Downloads(join(options.directory, "blobs")) };
  }

  /** Finds what an earlier agent has pulled. */
  async open(): Promise<void> {
    mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
    this.#access.downloads.open();
    // What the image map has now is not what a registry had.
    await this.#store.open((name) => mappingOf(this.#options.mappings, name) !== undefined);
  }

  async close(): Promise<void> {
    this.#access.http[Symbol.dispose]();
    await this.#store.close();
  }

  /** The image as containers need it; undefined until it is pulled. */
  find(name: string): Image | undefined {
    const local = this.#local(name);
    if (local) return local;
    const image = this.#store.find(name);
    const mapping = mappingOf(this.#options.mappings, name);
    if (!image || !mapping) return image;
    const { entrypoint, cmd, env } = mapping;
    return {
      ...image,
      entrypoint: entrypoint ?? image.entrypoint,
      cmd: cmd ?? (entrypoint ? [] : image.cmd),
      env: { ...image.env, ...env },
    };
  }

  async pullImage(name: string, signal?: AbortSignal, auth?: AuthConfig): Promise<string> {
    const reference = parseReference(name);
    const local = this.#local(name);
    if (local) return local.id;
    const mapping = mappingOf(this.#options.mappings, name);
    if (mapping) return await this.#pull(name, reference, layoutSource(mapping.rootfs, name), true, signal);
    const known = reference.digest === undefined ? undefined : this.#store.find(name);
    if (known) return known.id;
    const key = JSON.stringify([formatReference(reference), auth]);
    return await this.#shared.run(
      key,
      async (ended) => {
        const source = registrySource(reference, this.#access, auth);
        return (
          (await this.#upToDate(reference, source, ended)) ?? (await this.#pull(name, reference, source, false, ended))
        );
      },
      signal,
    );
  }

  imageStatus(name: string): ImageStatus | undefined {
    const image = this.find(name);
    return image && statusOf(image, this.#local(name) !== undefined);
  }

  listImages(): ImageStatus[] {
    const builtin = [...this.#builtin.keys(), ...this.#inProcess].flatMap((name) => this.imageStatus(name) ?? []);
    return [...builtin, ...this.#store.list().map((image) => statusOf(image, false))];
  }

  async removeImage(name: string): Promise<void> {
    if (!name.startsWith("sha256:") && this.#local(name))
      throw new RuntimeError("InvalidArgument", `image "${name}" is built in or mapped: there is nothing to remove`);
    const id = this.#store.find(name)?.id;
    if (id === undefined) return;
    if (new Set(this.#options.inUse()).has(id))
      throw new RuntimeError("Failed", `image "${name}" is in use by a container`);
    await this.#store.remove(name);
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  pulls(): PullProgress[] {
    return structuredClone([...this.#pulls]);
  }

  imageFileSystem(): ImageFileSystem {
    return { mountpoint: this.#options.directory, usedBytes: this.#store.usedBytes };
  }

  /** The image that the name stands for here, if it does so in the registry: registries count who asks for more. */
  async #upToDate(reference: Reference, source: ImageSource, signal: AbortSignal): Promise<string | undefined> {
    const known = this.#store.find(formatReference(reference));
    if (!known || !source.digest) return undefined;
    const digest = await source.digest(signal);
    const { registry, repository } = reference;
    const same = digest !== undefined && known.digests?.includes(formatReference({ registry, repository, digest }));
    return same ? known.id : undefined;
  }

  async #pull(
    name: string,
    reference: Reference,
    source: ImageSource,
    passing: boolean,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const { log, directory } = this.#options;
    const progress: PullProgress = { image: name, since: new Date(), layers: [] };
    this.#pulls.add(progress);
    try {
      const options = { layers: this.#store.layers, turns: this.#turns, directory, log };
      using pulled = await pull(source, options, progress, signal);
      const { image } = pulled;
      const { registry, repository, digest } = reference;
      this.#store.put({
        id: image.id,
        // With a digest the name says that one, whatever its tag is.
        names: digest === undefined ? [formatReference(reference)] : [],
        digests: passing ? [] : [formatReference({ registry, repository, digest: image.digest })],
        diffs: image.layers.map(({ diff }) => diff),
        settings: image.configuration.settings,
        pulledAt: new Date().toISOString(),
        ...(passing ? { passing } : {}),
      });
      for (const listener of this.#listeners) listener();
      log.info("an image is there", { image: source.where, id: image.id, layers: image.layers.length });
      return image.id;
    } finally {
      this.#pulls.delete(progress);
    }
  }

  /** Built-in images, and mappings to what is there already. */
  #local(name: string): Image | undefined {
    const repository = repositoryOf(name);
    const mapping = mappingOf(this.#options.mappings, name);
    if (mapping?.rootfs === "host") return settingsImage(name, { kind: "host" }, mapping);
    if (mapping && !isLayout(mapping.rootfs)) {
      return settingsImage(name, { kind: "layers", layers: [mapping.rootfs] }, mapping);
    }
    if (mapping) return undefined;
    const builtin = this.#builtin.get(repository);
    if (builtin) return settingsImage(name, { kind: "host" }, builtin);
    if (this.#inProcess.has(repository)) return settingsImage(name, { kind: "host" }, {});
    return undefined;
  }
}

function statusOf({ id, names, size, digests }: Image, pinned: boolean): ImageStatus {
  return { id, names, size, ...(digests ? { digests } : {}), ...(pinned ? { pinned } : {}) };
}
