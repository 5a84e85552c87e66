import type { Pod, PodStatus } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import { backoff, sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { isStatic } from "./admission.ts";

/** Writes the newest status of one pod: one patch for each change, and what changed meanwhile in the next one. */
export class StatusWriter {
  readonly #client: Client;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #pod: Pod;
  /** Absent for a pod that the API only mirrors: the mirror has a UID of its own. */
  readonly #uid: string | undefined;
  #wanted: PodStatus | undefined;
  #written = "";
  #writing = Promise.resolve();
  #busy = false;

  constructor(client: Client, pod: Pod, log: Logger, signal: AbortSignal) {
    this.#client = client;
    this.#pod = pod;
    this.#uid = isStatic(pod) ? undefined : pod.metadata.uid;
    this.#log = log;
    this.#signal = signal;
  }

  set(status: PodStatus): void {
    this.#wanted = status;
    if (!this.#busy) this.#writing = this.#run();
  }

  /** Writes the status again: the API has the pod anew. */
  repeat(): void {
    this.#written = "";
    if (this.#wanted) this.set(this.#wanted);
  }

  /** Resolves when what was set last is stored. */
  async flush(): Promise<void> {
    while (this.#busy) await this.#writing;
  }

  /** Stops being busy in the same turn in which it finds nothing newer, so that no status is lost between. */
  async #run(): Promise<void> {
    this.#busy = true;
    for (let attempt = 0; this.#wanted && !this.#signal.aborted; ) {
      const status = this.#wanted;
      const text = JSON.stringify(status, (key, value) => (key === "lastTransitionTime" ? undefined : value));
      if (text === this.#written) break;
      try {
        // The UID lets a pod of the same name, made meanwhile, refuse it.
        const body = { ...(this.#uid ? { metadata: { uid: this.#uid } } : {}), status };
        await this.#client.patch(Pods, refOf(this.#pod), { type: "strategic", body }, { subresource: "status" });
        this.#written = text;
        if (this.#wanted === status) break;
      } catch (error) {
        if (isReason(error, "NotFound", "Conflict")) break;
        this.#log.warn("a pod's status could not be written", { pod: this.#pod.metadata.name, error });
        await sleep(backoff(attempt++, { base: 200, cap: 10_000 }), this.#signal);
      }
    }
    this.#busy = false;
  }
}
