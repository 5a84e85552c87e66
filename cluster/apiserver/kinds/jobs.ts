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
    if (old || !job.spec) return;
    generateSelector(job);
    const { labels } = job.spec.template?.metadata ?? {};
    if (Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels };
  },
  validate: checkJob,
  // Source: upstream's jobStrategy of batch/v1.
  orphans: {
    warning:
      "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning",
  },
  fields: {
    "status.successful": (job) => String(job.status?.succeeded ?? 0),
  },
};
