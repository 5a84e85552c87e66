import type { Job } from "@capstan/api/generated/batch-v1";
import { Jobs } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { isEnded } from "./outcome.ts";

/** Deletes ended Jobs once their ttlSecondsAfterFinished is over. */
export function createJobTtlController(context: ControllerContext): Controller {
  const { log, now } = openWorkshop(context, "ttl-after-finished-controller");
  const { client, informers } = context;
  const jobs = informers.informer(Jobs);
  return createController({
    name: "ttl-after-finished-controller",
    informers,
    log,
    sources: [{ resource: Jobs, when: ({ object }) => object.spec.ttlSecondsAfterFinished !== undefined }],
    async reconcile(ref) {
      const job = jobs.get(ref);
      const end = job && !job.metadata.deletionTimestamp ? endOf(job) : undefined;
      if (!job || end === undefined) return undefined;
      const wait = end + (job.spec.ttlSecondsAfterFinished ?? 0) * 1000 - now();
      if (wait > 0) return { requeueAfter: wait };
      const { uid = "", resourceVersion = "" } = job.metadata;
      try {
        const preconditions = { uid, resourceVersion };
        await client.delete(Jobs, ref, { propagationPolicy: "Foreground", preconditions });
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
      }
      return undefined;
    },
  });
}

function endOf({ status }: Job): number | undefined {
  if (!isEnded(status)) return undefined;
  const ending = status?.conditions?.find(({ type }) => type === "Complete" || type === "Failed");
  const time = Date.parse(ending?.lastTransitionTime ?? "");
  return Number.isNaN(time) ? undefined : time;
}
