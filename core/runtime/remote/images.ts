import type { Logger } from "@capstan/base/log";
import type { AuthConfig, ImageFileSystem, ImageService, ImageStatus } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import { formatReference, parseReference } from "../images/reference.ts";
import type { Connection } from "./connection.ts";
import type { Image } from "./generated/runtime-v1.ts";

export interface RemoteImagesOptions {
  connection: Connection;
  log: Logger;
}

// Large images over slow lines: the kubelet sets no bound at all.
const pullMs = 24 * 3600 * 1000;

/** The runtime's images as it last told of them: it tells when they change, and is asked after each call. */
export class RemoteImages implements ImageService {
  readonly #options: RemoteImagesOptions;
  #images = new Map<string, Image>();
  /** Full name or id → image. */
  #names = new Map<string, Image>();
  #fileSystem: ImageFileSystem | undefined;
  #asking: Promise<void> | undefined;
  readonly #listeners: (() => void)[] = [];
  /** The image of the sandboxes' own process: where it is removed, no pod starts. */
  #sandboxImage: string | undefined;

  constructor(options: RemoteImagesOptions) {
    this.#options = options;
  }

  /** Asks for all images; calls that wait share the answer. */
  async refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  /** As the runtime has it at this moment. @throws RuntimeError ImageNotFound */
  async find(name: string): Promise<Image> {
    const { connection } = this.#options;
    const { image } = await connection.call("runtime.v1.ImageService/ImageStatus", { image: { image: name } });
    if (!image?.id) throw new RuntimeError("ImageNotFound", `image "${name}" is not present`);
    return image;
  }

  async pullImage(name: string, signal?: AbortSignal, auth?: AuthConfig): Promise<string> {
    const full = formatReference(parseReference(name));
    try {
      await this.#options.connection.call(
        "runtime.v1.ImageService/PullImage",
        { image: { image: full, userSpecifiedImage: name }, auth: auth ?? {} },
        { timeoutMs: pullMs, signal },
      );
    } catch (error) {
      if (!(error instanceof RuntimeError) || signal?.aborted) throw error;
      throw new RuntimeError(isAbsent(error) ? "ImageNotFound" : "Failed", error.message);
    }
    const { id = "" } = await this.find(full);
    await this.#refreshAfter();
    return id;
  }

  imageStatus(name: string): ImageStatus | undefined {
    const image = this.#names.get(name) ?? this.#names.get(fullName(name));
    return image && this.#statusOf(image);
  }

  listImages(): ImageStatus[] {
    return [...this.#images.values()].map((image) => this.#statusOf(image));
  }

  /** CRI takes an image away with all its names. */
  async removeImage(name: string): Promise<void> {
    const image = this.#names.get(name) ? name : fullName(name);
    await this.#options.connection.call("runtime.v1.ImageService/RemoveImage", { image: { image } });
    await this.#refreshAfter();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  imageFileSystem(): ImageFileSystem {
    return this.#fileSystem ?? { mountpoint: "", usedBytes: 0 };
  }

  /** An answer that was under way before a change may not hold it. */
  async #refreshAfter(): Promise<void> {
    await this.#asking;
    await this.refresh();
  }

  async #ask(): Promise<void> {
    const { connection } = this.#options;
    this.#sandboxImage ??= await askSandboxImage(connection);
    const [{ images = [] }, { imageFilesystems = [] }] = await Promise.all([
      connection.call("runtime.v1.ImageService/ListImages", {}),
      connection.call("runtime.v1.ImageService/ImageFsInfo", {}),
    ]);
    const before = [...this.#names.keys()].sort().join(" ");
    this.#images = new Map(images.map((image) => [image.id ?? "", image]));
    this.#names = new Map(images.flatMap((image) => namesOf(image).map((name) => [name, image] as const)));
    const [first] = imageFilesystems;
    if (first) {
      this.#fileSystem = { mountpoint: first.fsId?.mountpoint ?? "", usedBytes: first.usedBytes?.value ?? 0 };
    }
    if ([...this.#names.keys()].sort().join(" ") !== before) for (const listener of this.#listeners) listener();
  }

  #statusOf({ id = "", repoTags = [], repoDigests = [], size = 0, pinned = false }: Image): ImageStatus {
    const own = this.#sandboxImage !== undefined && repoTags.includes(this.#sandboxImage);
    return { id, names: repoTags, digests: repoDigests, size, pinned: pinned || own };
  }
}

/** What runtimes say of a name that is nowhere. */
function isAbsent({ code, message }: RuntimeError): boolean {
  return code === "NotFound" || /not found|manifest unknown|does not exist|name unknown/i.test(message);
}

function namesOf({ id = "", repoTags = [], repoDigests = [] }: Image): string[] {
  return [id, ...repoTags, ...repoDigests];
}

/** Empty for what is no name. */
function fullName(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch (error) {
    if (error instanceof RuntimeError) return "";
    throw error;
  }
}

/** A runtime that does not tell it pins it. */
async function askSandboxImage(connection: Connection): Promise<string> {
  const { info } = await connection.call("runtime.v1.RuntimeService/Status", { verbose: true });
  return (JSON.parse(info?.config ?? "{}") as { sandboxImage?: string }).sandboxImage ?? "";
}
