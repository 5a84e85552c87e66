import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { messageOf } from "@capstan/base/errors";
import type { Client } from "@capstan/core/client";
import type { Recorder } from "@capstan/core/reconcile";
import { type ImageService, RuntimeError, readPullSecrets } from "@capstan/core/runtime";
import { aboutContainer, aboutPod } from "./events.ts";
import { type DelayOptions, RetryDelays } from "./restart-delay.ts";

/** Why a container waits for its image, and until when. */
export interface ImageProblem {
  reason: string;
  message: string;
  /** Milliseconds since 1970 from which a new try makes sense; undefined: never by itself. */
  retryAt: number | undefined;
}

/** Brings images to the node, one try after another with growing pauses. Words as the kubelet's image manager. */
export class ImagePuller {
  readonly #images: ImageService;
  readonly #client: Client;
  readonly #recorder: Recorder;
  readonly #delays: RetryDelays;
  readonly #failures = new Map<string, { at: number; message: string }>();

  constructor(images: ImageService, client: Client, recorder: Recorder, delays: DelayOptions) {
    this.#images = images;
    this.#client = client;
    this.#recorder = recorder;
    this.#delays = new RetryDelays(delays);
  }

  /** Undefined when the image is there. */
  async ensure(pod: Pod, container: Container, signal: AbortSignal): Promise<ImageProblem | undefined> {
    const image = container.image ?? "";
    const about = aboutContainer(pod, container.name);
    const policy = container.imagePullPolicy ?? (/(:latest|^[^:@]+)$/.test(image) ? "Always" : "IfNotPresent");
    let present: boolean;
    try {
      present = this.#images.imageStatus(image) !== undefined;
    } catch (error) {
      return this.#invalid(pod, container, error);
    }
    if (present && policy !== "Always") {
      this.#recorder.normal(about, "Pulled", `Container image "${image}" already present on machine`);
      return undefined;
    }
    if (policy === "Never") {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      this.#recorder.warning(about, "ErrImageNeverPull", message);
      return { reason: "ErrImageNeverPull", message, retryAt: undefined };
    }
    const key = `${pod.metadata.uid} ${image}`;
    const failed = this.#failures.get(key);
    const retryAt = failed ? failed.at + this.#delays.delay(key) : 0;
    if (failed && retryAt > Date.now()) {
      const text = `Back-off pulling image "${image}"`;
      this.#recorder.normal(about, "BackOff", text);
      this.#recorder.warning(about, "Failed", "Error: ImagePullBackOff");
      return { reason: "ImagePullBackOff", message: `${text}: ErrImagePull: ${failed.message}`, retryAt };
    }
    return await this.#pull(pod, container, key, signal);
  }

  async #pull(pod: Pod, container: Container, key: string, signal: AbortSignal): Promise<ImageProblem | undefined> {
    const image = container.image ?? "";
    const about = aboutContainer(pod, container.name);
    const begun = performance.now();
    this.#recorder.normal(about, "Pulling", `Pulling image "${image}"`);
    try {
      await this.#pullWithSecrets(pod, image, signal);
      this.#failures.delete(key);
      this.#delays.reset(key);
      const took = `${Math.round(performance.now() - begun)}ms`;
      const size = this.#images.imageStatus(image)?.size ?? 0;
      const message = `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${size} bytes.`;
      this.#recorder.normal(about, "Pulled", message);
      return undefined;
    } catch (error) {
      const message = messageOf(error);
      // The pod is to go, or the agent: nobody waits for this any more.
      if (signal.aborted) return { reason: "ErrImagePull", message, retryAt: undefined };
      if (error instanceof RuntimeError && error.code === "InvalidImageName")
        return this.#invalid(pod, container, error);
      this.#recorder.warning(about, "Failed", `Failed to pull image "${image}": ${message}`);
      this.#recorder.warning(about, "Failed", "Error: ErrImagePull");
      this.#failures.set(key, { at: Date.now(), message });
      this.#delays.tried(key);
      // The next look finds the image in its pause, and says so.
      return { reason: "ErrImagePull", message, retryAt: Date.now() };
    }
  }

  /** With each of the credentials that fit, until one opens the registry. */
  async #pullWithSecrets(pod: Pod, image: string, signal: AbortSignal): Promise<void> {
    const { credentials, missing } = await readPullSecrets(this.#client, pod, image);
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`;
      this.#recorder.warning(aboutPod(pod), "FailedToRetrieveImagePullSecret", message);
    }
    const [last, ...others] = credentials.toReversed();
    for (const auth of others.toReversed()) {
      try {
        await this.#images.pullImage(image, signal, auth);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RuntimeError && error.code === "InvalidImageName") throw error;
      }
    }
    await this.#images.pullImage(image, signal, last);
  }

  #invalid(pod: Pod, container: Container, error: unknown): ImageProblem {
    if (!(error instanceof RuntimeError) || error.code !== "InvalidImageName") throw error;
    const { message } = error;
    const about = aboutContainer(pod, container.name);
    this.#recorder.warning(
      about,
      "InspectFailed",
      `Failed to apply default image tag "${container.image}": ${message}`,
    );
    this.#recorder.warning(about, "Failed", "Error: InvalidImageName");
    return { reason: "InvalidImageName", message, retryAt: undefined };
  }

  /** Drops what was remembered of a pod that is gone. */
  forget(pod: Pod): void {
    for (const key of this.#failures.keys()) {
      if (!key.startsWith(`${pod.metadata.uid} `)) continue;
      this.#failures.delete(key);
      this.#delays.reset(key);
    }
  }
}
