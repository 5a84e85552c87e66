import type { ControllerRevision } from "@capstan/api/generated/apps-v1";
import type { PodTemplateSpec } from "@capstan/api/generated/core-v1";
import type { LabelSelector } from "@capstan/api/generated/meta-v1";
import { ControllerRevisions } from "@capstan/api/generated/resources";
import { isReason, type KubeObject, type Resource, refOf } from "@capstan/api/meta";
import type { Informer } from "@capstan/core/reconcile";
import type { Workshop } from "./context.ts";
import { hashOf } from "./hash.ts";
import { byController, claim, controllerReference } from "./ownership.ts";
import { saySame } from "./same.ts";

const hashLabel = "controller.kubernetes.io/hash";

type Owner = KubeObject & {
  spec: { selector: LabelSelector; template: PodTemplateSpec; revisionHistoryLimit?: number };
};

export interface HistoryOptions {
  workshop: Workshop;
  informer: Informer<ControllerRevision>;
  resource: Resource;
  owner: Owner;
  collisionCount: number | undefined;
}

export interface TemplateHistory {
  /** All revisions, oldest first. */
  all: ControllerRevision[];
  /** The one of the owner's present template. */
  newest: ControllerRevision;
}

/**
 * Keeps the owner's templates as ControllerRevisions, for `kubectl rollout history` and `undo`: makes one for a new
 * template, and makes an old one the newest when its template is back.
 */
export async function syncHistory(options: HistoryOptions, signal: AbortSignal): Promise<TemplateHistory> {
  const { workshop, informer, resource, owner, collisionCount } = options;
  const claimer = { owner, ownerResource: resource, resource: ControllerRevisions, informer, workshop };
  const all = (await claim(claimer, signal)).sort((a, b) => a.revision - b.revision);
  const data = dataOf(owner.spec.template);
  const equal = all.filter((each) => saySame(each.data, data)).at(-1);
  const last = all.at(-1);
  if (equal && equal === last) return { all, newest: equal };
  const revision = (last?.revision ?? 0) + 1;
  if (equal) {
    const newest = await workshop.client.update(ControllerRevisions, { ...equal, revision });
    await informer.until(newest.metadata.resourceVersion, signal);
    return { all: [...all.filter((each) => each !== equal), newest], newest };
  }
  const newest = await createRevision(options, data, revision, collisionCount ?? 0);
  await informer.until(newest.metadata.resourceVersion, signal);
  return { all: [...all, newest], newest };
}

/** A taken name belongs to another owner or template: the next hash avoids it. */
async function createRevision(options: HistoryOptions, data: unknown, revision: number, collisions: number) {
  const { workshop, resource, owner } = options;
  const { namespace, name, annotations } = owner.metadata;
  for (let attempt = collisions; ; attempt++) {
    const hash = hashOf(data, attempt);
    const wanted = {
      metadata: {
        namespace,
        name: `${name}-${hash}`,
        labels: { ...owner.spec.template.metadata?.labels, [hashLabel]: hash },
        annotations: { ...annotations },
        ownerReferences: [controllerReference(resource, owner)],
      },
      data,
      revision,
    };
    try {
      return await workshop.client.create(ControllerRevisions, wanted);
    } catch (error) {
      if (!isReason(error, "AlreadyExists") || attempt > collisions + 10) throw error;
    }
  }
}

/** The patch that brings the template back. */
function dataOf(template: PodTemplateSpec): unknown {
  return { spec: { template: { ...template, $patch: "replace" } } };
}

/** The template that a revision keeps. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec {
  const { $patch: _, ...template } = (data as { spec: { template: PodTemplateSpec & { $patch?: string } } }).spec
    .template;
  return template;
}

export function hashOfRevision({ metadata }: ControllerRevision): string {
  return metadata.labels?.[hashLabel] ?? "";
}

/** Deletes the oldest revisions beyond the limit, but none that is in use. */
export async function pruneHistory({ workshop, informer, owner }: HistoryOptions, used: Set<string>): Promise<void> {
  const limit = owner.spec.revisionHistoryLimit ?? 10;
  const own = informer.byIndex(byController, owner.metadata.uid ?? "").sort((a, b) => a.revision - b.revision);
  const idle = own.filter(({ metadata }) => !used.has(metadata.name));
  for (const revision of idle.slice(0, Math.max(0, idle.length - limit))) {
    try {
      await workshop.client.delete(ControllerRevisions, refOf(revision));
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
  }
}
