import type { CustomResourceDefinition } from "@capstan/api/generated/apiextensions-v1";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { apiVersionOf, type KubeObject, type Resource } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { Cache } from "./cache.ts";
import type { Informer, Informers } from "./informer.ts";
import { reflect } from "./reflector.ts";

/** All kinds of one server, each watched at most once. */
export function createInformers(client: Pick<Client, "list" | "watch">, { log }: { log: Logger }): Informers {
  const caches = new Map<string, Cache<KubeObject>>();
  const running = new Set<Promise<void>>();
  const waiting: Resource[] = [];
  let lifetime: AbortSignal | undefined;

  const run = (resource: Resource, signal: AbortSignal) => {
    const cache = caches.get(nameOf(resource)) as Cache<KubeObject>;
    const ended = reflect({ client, resource, cache, log, served }, signal).finally(() => running.delete(ended));
    running.add(ended);
  };
  const informers: Informers = {
    informer<T extends KubeObject>(resource: Resource<T>): Informer<T> {
      const name = nameOf(resource);
      let cache = caches.get(name);
      if (!cache) {
        cache = new Cache<KubeObject>(log.with({ resource: resource.resource }));
        caches.set(name, cache);
        if (lifetime) run(resource, lifetime);
        else waiting.push(resource);
      }
      return cache as unknown as Informer<T>;
    },
    async start(signal) {
      lifetime = signal;
      for (const resource of waiting.splice(0)) run(resource, signal);
      if (!signal.aborted) {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      }
      await Promise.all(running);
    },
  };
  const served = async (resource: Resource, signal: AbortSignal) => {
    if (resource.group === "" || resource.group === CustomResourceDefinitions.group) {
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    }
    const definitions = informers.informer(CustomResourceDefinitions);
    const name = `${resource.resource}.${resource.group}`;
    // What is served already did not help: wait for a change of it.
    const seen = definitions.get({ name });
    await definitions.when(
      { name },
      (object) => object !== seen && object !== undefined && isEstablished(object),
      signal,
    );
  };
  return informers;
}

function nameOf(resource: Resource): string {
  return `${apiVersionOf(resource)}/${resource.resource}`;
}

function isEstablished(definition: CustomResourceDefinition): boolean {
  return (
    definition.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") ?? false
  );
}
