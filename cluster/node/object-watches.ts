// Watches of the ConfigMaps and Secrets that pods of the node refer to, each by its name: a node may see no others.
import { ConfigMaps, Secrets } from "@capstan/api/generated/resources";
import type { KubeObject, Resource } from "@capstan/api/meta";
import { backoff, sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";

export interface ObjectWatchesOptions {
  client: Client;
  /** Called for what is there when its watch begins, and for each change. @param reference as referencesOf has it */
  changed(namespace: string, reference: string): void;
  log: Logger;
  signal: AbortSignal;
}

interface Watched {
  users: Set<string>;
  stop: AbortController;
}

const resources: Record<string, Resource> = { configmaps: ConfigMaps, secrets: Secrets };

export class ObjectWatches {
  readonly #options: ObjectWatchesOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: ObjectWatchesOptions) {
    this.#options = options;
  }

  /** What a pod refers to from now on. @param references `configmaps/<name>`, `secrets/<name>` */
  keep(uid: string, namespace: string, references: Iterable<string>): void {
    const wanted = new Set([...references].map((reference) => `${namespace}/${reference}`));
    for (const [key, { users }] of this.#watched) if (users.has(uid) && !wanted.has(key)) this.#leave(key, uid);
    for (const key of wanted) {
      const known = this.#watched.get(key);
      if (known) known.users.add(uid);
      else this.#begin(key, uid);
    }
  }

  drop(uid: string): void {
    for (const key of this.#watched.keys()) this.#leave(key, uid);
  }

  #leave(key: string, uid: string): void {
    const watched = this.#watched.get(key);
    if (!watched?.users.delete(uid) || watched.users.size > 0) return;
    watched.stop.abort();
    this.#watched.delete(key);
  }

  #begin(key: string, uid: string): void {
    const stop = new AbortController();
    this.#watched.set(key, { users: new Set([uid]), stop });
    void this.#follow(key, AbortSignal.any([stop.signal, this.#options.signal]));
  }

  async #follow(key: string, signal: AbortSignal): Promise<void> {
    const { client, changed, log } = this.#options;
    const [namespace = "", kind = "", name = ""] = key.split("/");
    const resource = resources[kind] as Resource<KubeObject>;
    const options = { namespace, fieldSelector: `metadata.name=${name}`, metadataOnly: true, signal };
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        for await (const { type } of client.watch(resource, options)) {
          attempt = 0;
          if (type !== "BOOKMARK") changed(namespace, `${kind}/${name}`);
        }
      } catch (error) {
        if (!signal.aborted) log.debug("what a pod refers to is not watched", { object: key, error });
      }
      await sleep(backoff(attempt, { base: 500, cap: 30_000 }), signal);
    }
  }
}
