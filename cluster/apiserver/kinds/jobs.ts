// Source: upstream's pkg/registry/batch/job/strategy.go.
import type { Job } from "@capstan/api/generated/batch-v1";
import type { Rules } from "../kind.ts";
import { checkJob } from "../validation/workloads.ts";
import { defaultJob } from "./workload-defaults.ts";

/** A Job selects its pods by its own uid, unless it says manualSelector. */
function generateSelector(job: Job): void {
  const { spec, metadata } = job;
  if (spec.manualSelector || !spec.template || !metadata.uid) return;
  spec.template.metadata ??= {};
  const labels = {
    ...spec.template.metadata.labels,
    "controller-uid": metadata.uid,
    "job-name": metadata.name,
    "batch.kubernetes.io/controller-uid": metadata.uid,
    "batch.kubernetes.io/job-name": metadata.name,
  };
  spec.template.metadata.labels = labels;
  spec.selector = {
    ...spec.selector,
    matchLabels: { ...spec.selector?.matchLabels, "batch.kubernetes.io/controller-uid": metadata.uid },
  };
}

export const jobRules: Rules<Job> = {
  defaults: defaultJob,
  prepare(job, old) {
    if (!old && job.spec) generateSelector(job);
  },
  validate: checkJob,
  fields: {
    "status.successful": (job) => String(job.status?.succeeded ?? 0),
  },
};
