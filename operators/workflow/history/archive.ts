// The archive from a client's side.

import { Pods } from "@capstan/api/generated/resources";
import {
  type ArchivedLabel,
  ArchivedLabels,
  type ArchivedWorkflow,
  ArchivedWorkflows,
  type ArchiveParameters,
} from "@capstan/api/kinds/records";
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { isReason, type New, pathOf, type Resource, StatusError } from "@capstan/api/meta";
import { type Client, readText } from "@capstan/core/client";
import {
  formulateResubmit,
  formulateRetry,
  packNodes,
  type ResubmitOptions,
  type RetryOptions,
} from "../control/index.ts";

export interface ArchiveSearch extends ArchiveParameters {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  limit?: number;
  continue?: string;
}

/** One page, the last started first. */
export async function searchArchive(
  client: Client,
  { namespace, ...parameters }: ArchiveSearch,
): Promise<{ items: ArchivedWorkflow[]; continue?: string }> {
  const { items, metadata } = await listRecords<ArchivedWorkflow>(client, ArchivedWorkflows, namespace, parameters);
  return { items, ...(metadata.continue ? { continue: metadata.continue } : {}) };
}

interface RecordList<T> {
  items: T[];
  metadata: { continue?: string };
  /** What the server warns of. */
  warning: string | undefined;
}

/** A list with parameters of its own. Those that are undefined are left out. */
export async function listRecords<T>(
  client: Client,
  resource: Resource,
  namespace: string | undefined,
  parameters: object,
): Promise<RecordList<T>> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  const path = pathOf(resource, namespace);
  const answer = await client.request({ url: `${path}?${query}` });
  const list = JSON.parse(await readText(answer)) as { items?: T[]; metadata: RecordList<T>["metadata"] };
  return { items: list.items ?? [], metadata: list.metadata, warning: answer.headers.warning };
}

/** By UID or by name; of several of a name the last started. @throws StatusError NotFound */
export async function findArchived(client: Client, namespace: string, target: string): Promise<ArchivedWorkflow> {
  const byUid = await client.find(ArchivedWorkflows, { namespace, name: target });
  if (byUid) return byUid;
  const { items } = await searchArchive(client, { namespace, name: target, limit: 1 });
  const [found] = items;
  if (!found) {
    throw new StatusError(
      "NotFound",
      `no workflow in the archive of namespace ${namespace} has the name or UID ${target}`,
    );
  }
  return client.get(ArchivedWorkflows, { namespace, name: found.metadata.name });
}

/** Names of labels, or the values of one. */
export async function archivedLabels(client: Client, namespace: string | undefined, key?: string): Promise<string[]> {
  const { items } = await listRecords<ArchivedLabel>(client, ArchivedLabels, namespace, { key });
  return key === undefined ? items.map(({ metadata }) => metadata.name) : (items[0]?.values ?? []);
}

/** The object as it was archived. */
function workflowOf({ workflow, metadata }: ArchivedWorkflow): Workflow {
  if (!workflow) throw new StatusError("NotFound", `${metadata.name} was listed, not read: it has no workflow`);
  return workflow;
}

/** Runs an archived workflow again as a new one. @throws StatusError */
export async function resubmitArchived(
  client: Client,
  archived: ArchivedWorkflow,
  options: ResubmitOptions,
): Promise<Workflow> {
  const suffix = crypto.randomUUID().slice(0, 5);
  const made = formulateResubmit(workflowOf(archived), { ...options, suffix, now: Date.now() });
  return client.create(Workflows, withoutOwners((await packNodes(made as Workflow)) as New<Workflow>));
}

/**
 * Runs the failed part of an archived workflow again, under its own name. @throws StatusError AlreadyExists while a
 * workflow of this name is in the cluster.
 */
export async function retryArchived(
  client: Client,
  archived: ArchivedWorkflow,
  options: RetryOptions,
): Promise<Workflow> {
  const { workflow, pods } = formulateRetry(workflowOf(archived), options, Date.now());
  const { name, namespace = "", labels, annotations, generateName } = workflow.metadata;
  if (await client.find(Workflows, { namespace, name })) {
    const hint = `workflow ${name} is in the cluster: retry that one, or delete it first`;
    throw new StatusError("AlreadyExists", hint);
  }
  for (const pod of pods) {
    await client.delete(Pods, { namespace, name: pod }).catch((thrown: unknown) => {
      if (!isReason(thrown, "NotFound")) throw thrown;
    });
  }
  const metadata = {
    name,
    namespace,
    ...(generateName ? { generateName } : {}),
    ...(labels ? { labels } : {}),
    ...(annotations ? { annotations } : {}),
  };
  return client.create(Workflows, (await packNodes({ ...workflow, metadata })) as New<Workflow>);
}

/** Whoever owned it may be gone, and would take it along. */
function withoutOwners(workflow: New<Workflow>): New<Workflow> {
  const { ownerReferences: _, ...metadata } = workflow.metadata;
  return { ...workflow, metadata: metadata as New<Workflow>["metadata"] };
}
