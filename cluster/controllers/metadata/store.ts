import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import type { KubeObject, Resource } from "@capstan/api/meta";
import { backoff, deferred, sleep } from "@capstan/base/async";
import type { Client } from "@capstan/core/client";
import { createInformers, type Informer } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { type DiscoveredKind, discoverKinds } from "./discovery.ts";

export interface MetadataChange {
  kind: DiscoveredKind;
  type: "ADDED" | "MODIFIED" | "DELETED";
  object: KubeObject;
  old?: KubeObject;
}

export interface MetadataStore {
  kinds(): DiscoveredKind[];
  /** The kind that a reference means, in whatever version it names. */
  find(apiVersion: string, kind: string): DiscoveredKind | undefined;
  informer(kind: DiscoveredKind): Informer;
  /** What is present, and every change of any kind from then on. */
  onChange(handler: (change: MetadataChange) => void): void;
  /** Resolves when all kinds known at the start are copied. */
  synced(): Promise<void>;
  start(signal: AbortSignal): Promise<void>;
}

/** Kinds whose objects own nothing, are owned by nothing, and come often. Source: the garbage collector's ignored kinds. */
const ignored = new Set(["events", "events.events.k8s.io"]);

interface Watched {
  kind: DiscoveredKind;
  informer: Informer;
  stop: AbortController;
}

/** Follows definitions: a new kind is copied as soon as it is served, a removed one forgotten. */
export function createMetadataStore(context: ControllerContext): MetadataStore {
  const { log } = openWorkshop(context, "metadata");
  const client = metadataClient(context.client);
  const watched = new Map<string, Watched>();
  const handlers: ((change: MetadataChange) => void)[] = [];
  const synced = deferred();
  const definitions = context.informers.informer(CustomResourceDefinitions);

  const watch = (kind: DiscoveredKind, signal: AbortSignal, running: Set<Promise<void>>) => {
    const informers = createInformers(client, { log });
    const entry = { kind, informer: informers.informer(kind.resource), stop: new AbortController() };
    watched.set(nameOf(kind.resource), entry);
    entry.informer.onChange((change) => {
      for (const handler of handlers) handler({ kind: entry.kind, ...change });
    });
    const ended = informers.start(AbortSignal.any([signal, entry.stop.signal])).finally(() => running.delete(ended));
    running.add(ended);
  };
  const refresh = async (signal: AbortSignal, running: Set<Promise<void>>) => {
    const present = new Map<string, DiscoveredKind>();
    for (const kind of await discoverKinds(context.client)) present.set(nameOf(kind.resource), kind);
    for (const [name, entry] of watched) {
      const kind = present.get(name);
      if (kind?.resource.version === entry.kind.resource.version) {
        entry.kind = kind;
        continue;
      }
      entry.stop.abort();
      watched.delete(name);
    }
    for (const [name, kind] of present) if (!watched.has(name) && !ignored.has(name)) watch(kind, signal, running);
    await Promise.race([
      Promise.all([...watched.values()].map(({ informer }) => informer.synced())),
      new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true })),
    ]);
    synced.resolve();
  };
  return {
    kinds: () => [...watched.values()].map(({ kind }) => kind),
    find(apiVersion, kind) {
      const slash = apiVersion.indexOf("/");
      const group = slash < 0 ? "" : apiVersion.slice(0, slash);
      const version = apiVersion.slice(slash + 1);
      for (const { kind: known } of watched.values()) {
        const { resource } = known;
        if (resource.group === group && resource.kind === kind && known.versions.includes(version)) return known;
      }
      return undefined;
    },
    informer: ({ resource }) => (watched.get(nameOf(resource)) as Watched).informer,
    onChange(handler) {
      handlers.push(handler);
      for (const { kind, informer } of watched.values()) {
        for (const object of informer.list()) handler({ kind, type: "ADDED", object });
      }
    },
    synced: () => synced.promise,
    async start(signal) {
      const running = new Set<Promise<void>>();
      let changed = deferred();
      const unsubscribe = definitions.onChange(() => changed.resolve());
      for (let failures = 0; !signal.aborted; ) {
        changed = deferred();
        try {
          await refresh(signal, running);
          failures = 0;
        } catch (error) {
          if (signal.aborted) break;
          log.warn("the server's kinds could not be read", { error });
          await sleep(backoff(failures++, { base: 50, cap: 10_000 }), signal);
          continue;
        }
        await Promise.race([
          changed.promise,
          new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true })),
        ]);
      }
      unsubscribe();
      await Promise.all(running);
    },
  };
}

function nameOf({ group, resource }: Resource): string {
  return group === "" ? resource : `${resource}.${group}`;
}

/** Lists and watches metadata alone. */
function metadataClient(client: Client): Pick<Client, "list" | "watch"> {
  return {
    list: (resource, options) => client.list(resource, { ...options, metadataOnly: true }),
    watch: (resource, options) => client.watch(resource, { ...options, metadataOnly: true }),
  };
}
