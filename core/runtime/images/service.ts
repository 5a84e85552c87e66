import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ImageService, ImageStatus } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import type { BuiltinImage, Image } from "./image.ts";
import { type ImageMapping, isImageName, mappingOf, repositoryOf, settingsImage } from "./image-map.ts";
import { unpackLayout } from "./oci-layout.ts";

export interface ImagesOptions {
  /** Absolute: layers are unpacked below it. */
  directory: string;
  builtin: BuiltinImage[];
  mappings: ImageMapping[];
  /** Repositories whose containers run inside the agent. */
  inProcess: Iterable<string>;
}

/** Images that need no registry: built-in ones and those of the image map. */
export class Images implements ImageService {
  readonly #options: ImagesOptions;
  readonly #builtin: Map<string, BuiltinImage>;
  readonly #inProcess: Set<string>;
  readonly #present = new Map<string, Image>();

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#inProcess = new Set(options.inProcess);
    this.#builtin = new Map(options.builtin.map((image) => [image.name, image]));
    if (!this.#builtin.has("capstan/host"))
      this.#builtin.set("capstan/host", { name: "capstan/host", cmd: ["/bin/sh"] });
  }

  /** The image as containers need it; undefined until it is pulled. */
  find(name: string): Image | undefined {
    return this.#present.get(name) ?? this.#local(name);
  }

  async pullImage(name: string, signal?: AbortSignal): Promise<string> {
    if (!isImageName(name)) throw new RuntimeError("InvalidImageName", `couldn't parse image name "${name}"`);
    const known = this.find(name);
    if (known) return known.id;
    const mapping = mappingOf(this.#options.mappings, name);
    if (!mapping) {
      throw new RuntimeError(
        "ImageNotFound",
        `image "${name}" is not built in, and this runtime pulls from no registry: ` +
          `map the name to a root with --image-map, such as {"${repositoryOf(name)}": {"rootfs": "host"}}`,
      );
    }
    const image = await this.#fromMapping(name, mapping, signal);
    this.#present.set(name, image);
    return image.id;
  }

  imageStatus(name: string): ImageStatus | undefined {
    const image = this.find(name);
    return image && { id: image.id, names: image.names, size: image.size };
  }

  listImages(): ImageStatus[] {
    const builtin = [...this.#builtin.keys(), ...this.#inProcess].flatMap((name) => this.imageStatus(name) ?? []);
    return [...builtin, ...[...this.#present.values()].map(({ id, names, size }) => ({ id, names, size }))];
  }

  async removeImage(name: string): Promise<void> {
    this.#present.delete(name);
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

  async #fromMapping(name: string, mapping: ImageMapping, signal?: AbortSignal): Promise<Image> {
    const image = await unpackLayout(mapping.rootfs, name, join(this.#options.directory, "layers"), signal);
    const { entrypoint, cmd, env } = mapping;
    return {
      ...image,
      entrypoint: entrypoint ?? image.entrypoint,
      cmd: cmd ?? (entrypoint ? [] : image.cmd),
      env: { ...image.env, ...env },
    };
  }
}

function isLayout(directory: string): boolean {
  return existsSync(join(directory, "oci-layout"));
}
