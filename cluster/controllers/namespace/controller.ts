import type { Namespace, NamespaceCondition } from "@capstan/api/generated/core-v1";
import { Namespaces } from "@capstan/api/generated/resources";
import { isReason, type KubeObject, type ObjectRef } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, formatTime, openWorkshop } from "../context.ts";
import { type DiscoveredKind, discoverKinds, type MetadataStore } from "../metadata/index.ts";
import { setCondition } from "../status.ts";

const finalizer = "kubernetes";

/**
 * Deletes what is in a namespace, kind by kind, custom ones too; what has finalizers or a grace period is waited for by
 * the store's changes. Then takes its finalizer off.
 */
export function createNamespaceController(context: ControllerContext & { metadata: MetadataStore }): Controller {
  const { log, now } = openWorkshop(context, "namespace-controller");
  const { client, informers, metadata } = context;
  const namespaces = informers.informer(Namespaces);
  const controller = createController({
    name: "namespace-controller",
    informers,
    log,
    sources: [{ resource: Namespaces, when: ({ object }) => object.metadata.deletionTimestamp !== undefined }],
    async reconcile(ref: ObjectRef) {
      const namespace = namespaces.get(ref);
      if (!namespace?.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes(finalizer)) return;
      const left = await empty(client, ref.name);
      if (left.length > 0) await report(client, namespace, left, formatTime(now()));
      else await finalize(client, namespace);
    },
  });
  return {
    ...controller,
    async start(signal) {
      metadata.onChange(({ type, object }) => {
        const { namespace } = object.metadata;
        if (type !== "DELETED" || !namespace) return;
        if (namespaces.get({ name: namespace })?.metadata.deletionTimestamp) controller.enqueue({ name: namespace });
      });
      await controller.start(signal);
    },
  };
}

interface Leftover {
  kind: DiscoveredKind;
  objects: KubeObject[];
}

/** Deletes everything there is, and gives what is still there afterwards. */
async function empty(client: Client, namespace: string): Promise<Leftover[]> {
  const kinds = (await discoverKinds(client)).filter(({ resource }) => resource.namespaced);
  const left = await Promise.all(kinds.map((kind) => emptyKind(client, kind, namespace)));
  return left.filter(({ objects }) => objects.length > 0);
}

async function emptyKind(client: Client, kind: DiscoveredKind, namespace: string): Promise<Leftover> {
  const { resource, verbs } = kind;
  const list = async () => (await client.list(resource, { namespace, metadataOnly: true })).items;
  try {
    const present = await list();
    if (present.length === 0) return { kind, objects: [] };
    if (verbs.includes("deletecollection")) {
      await client.deleteCollection(resource, { namespace }, { propagationPolicy: "Background" });
    } else {
      for (const { metadata } of present) await client.delete(resource, { namespace, name: metadata.name });
    }
    return { kind, objects: await list() };
  } catch (error) {
    // A kind that has just been removed has no objects either.
    if (isReason(error, "NotFound", "MethodNotAllowed")) return { kind, objects: [] };
    throw error;
  }
}

/** Says in the status what is waited for. */
async function report(client: Client, namespace: Namespace, left: Leftover[], time: string): Promise<void> {
  const name = ({ resource }: DiscoveredKind) => [resource.resource, resource.group].filter(Boolean).join(".");
  const remaining = left.map(({ kind, objects }) => `${name(kind)} has ${objects.length} resource instances`);
  const finalizers = new Map<string, number>();
  for (const { metadata } of left.flatMap(({ objects }) => objects)) {
    for (const each of metadata.finalizers ?? []) finalizers.set(each, (finalizers.get(each) ?? 0) + 1);
  }
  const waiting = [...finalizers].map(([each, count]) => `${each} in ${count} resource instances`);
  const set = (conditions: NamespaceCondition[] | undefined, type: string, reason: string, message: string) =>
    setCondition(conditions, { type, status: "True", reason, message, lastTransitionTime: time }, true);
  let conditions = set(
    namespace.status?.conditions,
    "NamespaceContentRemaining",
    "SomeResourcesRemain",
    `Some resources are remaining: ${remaining.join(", ")}`,
  );
  if (waiting.length > 0) {
    const message = `Some content in the namespace has finalizers remaining: ${waiting.join(", ")}`;
    conditions = set(conditions, "NamespaceFinalizersRemaining", "SomeFinalizersRemain", message);
  }
  const known = namespace.status?.conditions?.map(({ message }) => message).join();
  if (known === conditions.map(({ message }) => message).join()) return;
  await client.updateStatus(Namespaces, { ...namespace, status: { ...namespace.status, conditions } });
}

async function finalize(client: Client, namespace: Namespace): Promise<void> {
  const finalizers = namespace.spec?.finalizers?.filter((each) => each !== finalizer) ?? [];
  try {
    await client.update(
      Namespaces,
      { ...namespace, spec: { ...namespace.spec, finalizers } },
      { subresource: "finalize" },
    );
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
  }
}
