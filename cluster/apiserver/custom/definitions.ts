// Serves the kinds of the stored CustomResourceDefinitions, and empties those that are being deleted.
import type { CustomResourceDefinition } from "@capstan/api/generated/apiextensions-v1";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { isStoreError } from "@capstan/core/store";
import type { Kind } from "../kind.ts";
import { convertServed } from "../objects.ts";
import type { Registry } from "../registry.ts";
import type { View } from "../request.ts";
import type { Core } from "../verbs/call.ts";
import { removeOne } from "../verbs/delete.ts";
import { customKinds } from "./custom-kind.ts";
import { cleanupFinalizer, statusOf } from "./definition-rules.ts";
import { webhookConverter } from "./webhook-converter.ts";

interface Served {
  uid: string | undefined;
  spec: CustomResourceDefinition["spec"];
  kinds: Kind[];
}

export interface Definitions {
  /** Serves what is stored. */
  load(): void;
  /** Takes over a definition that was just written. */
  stored(definition: CustomResourceDefinition): void;
  removed(definition: CustomResourceDefinition): void;
  /** Why the names of a definition cannot be served: another kind of the group has them. */
  conflictOf(definition: CustomResourceDefinition): string | undefined;
  isTerminating(kind: Kind): boolean;
  /** Deletes the objects of definitions that are being deleted, then lets them go. Resolves when the signal aborts. */
  start(signal: AbortSignal): Promise<void>;
}

export function createDefinitions(core: Core, view: View): Definitions {
  const { registry, log } = core;
  const served = new Map<string, Served>();
  const terminating = new Set<string>();
  const definitions: Definitions = {
    load() {
      for (const definition of view.list(CustomResourceDefinitions)) definitions.stored(definition);
    },
    stored(definition) {
      const { name, uid, deletionTimestamp } = definition.metadata;
      const prefix = `${definition.spec.group}/${definition.spec.names.plural}/`;
      if (deletionTimestamp) terminating.add(prefix);
      const present = served.get(name);
      if (present && present.uid === uid && JSON.stringify(present.spec) === JSON.stringify(definition.spec)) return;
      if (present) registry.remove(...present.kinds);
      served.delete(name);
      if (!isEstablished(definition)) return;
      const kinds = customKinds(structuredClone(definition), webhookConverter(view, definition));
      registry.add(...kinds);
      served.set(name, { uid, spec: definition.spec, kinds });
    },
    removed({ metadata, spec }) {
      const present = served.get(metadata.name);
      if (present) registry.remove(...present.kinds);
      served.delete(metadata.name);
      terminating.delete(`${spec.group}/${spec.names.plural}/`);
    },
    conflictOf: (definition) => conflictOf(registry, served, definition),
    isTerminating: (kind) => terminating.has(kind.prefix),
    async start(signal) {
      const kind = registry.require(CustomResourceDefinitions);
      const work = new Map<string, Promise<void>>();
      const look = (name: string) => {
        const definition = view.get(CustomResourceDefinitions, { name });
        if (!definition?.metadata.deletionTimestamp || work.has(name)) return;
        const done = empty(core, name, definition, signal)
          .catch((thrown: unknown) =>
            log.error("custom objects could not be deleted", { name, error: messageOf(thrown) }),
          )
          .finally(() => work.delete(name));
        work.set(name, done);
      };
      const events = core.objects.store.watch(kind.prefix, { signal });
      for (const { metadata } of view.list(CustomResourceDefinitions)) look(metadata.name);
      for await (const event of events) {
        if (event.type === "progress") continue;
        if (event.type === "deleted") await acceptWaiting(core, view);
        else look(event.key.slice(kind.prefix.length));
      }
      await Promise.all(work.values());
    },
  };
  return definitions;
}

const isEstablished = ({ status }: CustomResourceDefinition): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Established" && value === "True") ?? false;

function conflictOf(
  registry: Registry,
  served: Map<string, Served>,
  definition: CustomResourceDefinition,
): string | undefined {
  const { group, names } = definition.spec;
  const own = new Set(served.get(definition.metadata.name)?.kinds);
  for (const other of registry.all()) {
    if (other.group !== group || own.has(other)) continue;
    if (other.resource === names.plural) return `${JSON.stringify(names.plural)} is already in use`;
    if (other.kind === names.kind) return `${JSON.stringify(names.kind)} is already in use`;
    const short = names.shortNames?.find((name) => other.shortNames.includes(name));
    if (short) return `${JSON.stringify(short)} is already in use`;
  }
  return undefined;
}

const principal = { name: "system:apiserver", groups: ["system:masters"] };

/** Deletes every object of a definition, waits for their finalizers, and takes the definition's own away. */
async function empty(
  core: Core,
  name: string,
  definition: CustomResourceDefinition,
  signal: AbortSignal,
): Promise<void> {
  const { group, names, versions } = definition.spec;
  // The stored version needs no conversion.
  const version =
    (versions.find((one) => one.storage && one.served) ?? versions.find(({ served }) => served))?.name ?? "";
  const kind = core.registry.find({ group, version, resource: names.plural });
  if (kind) {
    const stop = new AbortController();
    const events = core.objects.store.watch(kind.prefix, { signal: AbortSignal.any([signal, stop.signal]) });
    await deleteAll(core, kind, signal);
    if (core.objects.store.count(kind.prefix) > 0) {
      for await (const event of events) {
        if (event.type === "deleted" && core.objects.store.count(kind.prefix) === 0) break;
      }
    }
    stop.abort();
  }
  if (signal.aborted) return;
  await release(core, name);
}

async function deleteAll(core: Core, kind: Kind, signal: AbortSignal): Promise<void> {
  for (const record of await convertServed(kind, core.objects.list(kind, "").records)) {
    const { metadata } = core.objects.read(kind, record);
    const info = {
      isResource: true,
      verb: "delete",
      path: "",
      query: new URLSearchParams(),
      group: kind.group,
      version: kind.version,
      resource: kind.resource,
      subresource: "",
      namespace: metadata.namespace ?? "",
      name: metadata.name,
      rest: "",
    };
    const request = { method: "DELETE", url: "", headers: {}, signal };
    try {
      await removeOne(core, { request, info, kind, principal, warnings: [] }, {});
    } catch (thrown) {
      if (!isReason(thrown, "NotFound")) throw thrown;
    }
  }
}

/** Writes the newest state of a definition until no other writer comes between. */
async function rewrite(
  core: Core,
  name: string,
  change: (definition: CustomResourceDefinition) => boolean,
): Promise<void> {
  const kind = core.registry.require(CustomResourceDefinitions);
  for (;;) {
    const record = core.objects.find(kind, { name });
    if (!record) return;
    const definition = core.objects.read(kind, record) as CustomResourceDefinition;
    if (!change(definition)) return;
    const gone = definition.metadata.deletionTimestamp && !definition.metadata.finalizers?.length;
    try {
      if (gone) await core.objects.remove(kind, definition, record.revision);
      else await core.objects.replace(kind, definition, record.revision);
      return;
    } catch (thrown) {
      if (isStoreError(thrown, "Closed") || !isReason(thrown, "Conflict")) throw thrown;
    }
  }
}

const release = (core: Core, name: string) =>
  rewrite(core, name, ({ metadata }) => {
    metadata.finalizers = metadata.finalizers?.filter((finalizer) => finalizer !== cleanupFinalizer);
    return true;
  });

/** Names that a deleted definition held are free for the others that wanted them. */
async function acceptWaiting(core: Core, view: View): Promise<void> {
  for (const { metadata } of view.list(CustomResourceDefinitions).filter((definition) => !isEstablished(definition))) {
    await rewrite(core, metadata.name, (definition) => {
      if (conflictOf(core.registry, new Map(), definition)) return false;
      definition.status = statusOf(definition, undefined);
      return true;
    });
  }
}
