// Archives finished workflows. Who deletes a finished workflow waits until its label no longer says Pending.
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef, StatusError } from "@capstan/api/meta";
import { aborted, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { type Controller, createController, type Informers } from "@capstan/core/reconcile";
import type { Records } from "@capstan/core/records";
import { labels } from "../engine/index.ts";
import { lineageOfWorkflow } from "../lineage/index.ts";
import { createNodeCodec } from "../nodes/index.ts";
import { createBatches } from "./batches.ts";

export interface ArchiveControllerOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  records: Records;
  /** How long an archived workflow is kept after its end, milliseconds; absent: for ever. */
  ttl?: number | undefined;
}

/** Workflows in one commit. */
const together = 64;
/** Memos that nobody has used for so long are forgotten, milliseconds. */
const memoLife = 30 * 24 * 3_600_000;
/** Between two looks at what is too old, milliseconds: at least and at most. */
const [soonest, latest] = [60_000, 24 * 3_600_000];

const isPending = ({ metadata }: Workflow) => metadata.labels?.[labels.archivingStatus] === "Pending";

/** Reconciles the workflows whose label `workflow-archiving-status` says Pending. */
export function createArchiveController(options: ArchiveControllerOptions): Controller {
  const { client, informers, records, ttl } = options;
  const log = options.log.with({ operator: "workflow-archive" });
  const { promise: used, resolve: use } = Promise.withResolvers<void>();
  if (ttl !== undefined) use();
  const codec = createNodeCodec(client);
  const read = async (workflow: Workflow): Promise<Workflow> => {
    try {
      return await codec.unpack(workflow);
    } catch (error) {
      // The server may answer another time. Nodes that are gone never come back: the rest is kept without them.
      if (error instanceof StatusError) throw error;
      const { name } = workflow.metadata;
      log.warn("a workflow is archived without its nodes", { workflow: name, error: messageOf(error) });
      return workflow;
    }
  };
  const batches = createBatches<Workflow>(together, async (whole) => {
    const { archive, lineage } = await records.open();
    const steps = whole.flatMap(lineageOfWorkflow);
    if (steps.length > 0) await lineage.record(steps);
    await archive.add(whole.map(persisted));
    use();
  });
  const workflows = informers.informer(Workflows);
  const controller = createController({
    name: "workflow-archive",
    informers,
    log,
    workers: 2 * together,
    sources: [{ resource: Workflows, when: ({ type, object }) => type !== "DELETED" && isPending(object) }],
    async reconcile(ref) {
      const workflow = workflows.get(ref);
      if (!workflow || !isPending(workflow)) return undefined;
      await batches.add(await read(workflow));
      await markArchived(client, ref, workflow);
      return undefined;
    },
  });
  return {
    ...controller,
    async start(signal) {
      // One that somebody deletes before its turn is archived all the same.
      const unsubscribe = workflows.onChange(({ type, object }) => {
        if (type !== "DELETED" || !isPending(object)) return;
        const kept = read(object).catch(() => object);
        kept.then(batches.add).catch((error: unknown) => {
          log.error("a deleted workflow could not be archived", {
            workflow: object.metadata.name,
            error: messageOf(error),
          });
        });
      });
      await Promise.all([controller.start(signal), expireOld(records, { ttl, used, log, signal })]);
      unsubscribe();
    },
  };
}

/** As upstream marks what is in the archive. */
function persisted(workflow: Workflow): Workflow {
  const { metadata } = workflow;
  return {
    ...workflow,
    metadata: { ...metadata, labels: { ...metadata.labels, [labels.archivingStatus]: "Persisted" } },
  };
}

async function markArchived(client: Client, ref: ObjectRef, { metadata }: Workflow): Promise<void> {
  const body = { metadata: { uid: metadata.uid, labels: { [labels.archivingStatus]: "Archived" } } };
  try {
    await client.patch(Workflows, ref, { type: "merge", body });
  } catch (error) {
    // Gone, or another one of that name: what was to be kept is kept.
    if (!isReason(error, "NotFound", "Conflict")) throw error;
  }
}

interface Expiry {
  ttl: number | undefined;
  /** Resolves when there is something to look at. */
  used: Promise<void>;
  log: Logger;
  signal: AbortSignal;
}

/** Forgets what is too old when it is: the next look is when the oldest will be. */
async function expireOld(records: Records, { ttl, used, log, signal }: Expiry): Promise<void> {
  await Promise.race([used, aborted(signal)]);
  while (!signal.aborted) {
    let next = latest;
    try {
      const { archive, memos } = await records.open();
      await memos.expire(timeAt(Date.now() - memoLife));
      if (ttl !== undefined) {
        const { deleted, oldest } = await archive.expire(timeAt(Date.now() - ttl));
        if (deleted > 0) log.info("archived workflows are over their time", { deleted });
        next = Math.min(ttl, oldest === undefined ? latest : Date.parse(oldest) + ttl - Date.now());
      }
    } catch (error) {
      log.warn("old records could not be removed", { error: messageOf(error) });
    }
    await sleep(Math.min(latest, Math.max(soonest, next)), signal);
  }
}

const timeAt = (time: number) => new Date(time).toISOString();
