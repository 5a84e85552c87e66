// Source: upstream's pkg/apis/apps/v1/defaults.go and pkg/apis/batch/v1/defaults.go.
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "@capstan/api/generated/apps-v1";
import type { CronJob, Job, JobSpec } from "@capstan/api/generated/batch-v1";
import type { PersistentVolumeClaim, PodTemplateSpec, ReplicationController } from "@capstan/api/generated/core-v1";
import { equal } from "@capstan/api/meta";
import { defaultPodSpec } from "./pod-defaults.ts";

/** A spec that is left out counts as an empty one, with an empty template. */
function specOf<S extends { template?: PodTemplateSpec }>(object: { spec: S }): S {
  object.spec ??= {} as S;
  const { spec } = object;
  spec.template ??= {};
  spec.template.spec ??= { containers: [] };
  return spec;
}

export function defaultTemplate(template: PodTemplateSpec | undefined): void {
  if (template?.spec) defaultPodSpec(template.spec);
}

export function defaultDeployment(object: Deployment): void {
  const spec = specOf(object);
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  spec.strategy ??= {};
  spec.strategy.type ||= "RollingUpdate";
  if (spec.strategy.type === "RollingUpdate") {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= "25%";
    spec.strategy.rollingUpdate.maxSurge ??= "25%";
  }
  defaultTemplate(spec.template);
}

export function defaultReplicaSet(object: ReplicaSet): void {
  const spec = specOf(object);
  spec.replicas ??= 1;
  defaultTemplate(spec.template);
}

/** What selects its pods is, unless said, what its template labels them. */
export function defaultReplicationController(object: ReplicationController): void {
  object.spec ??= {};
  const { spec } = object;
  const labels = spec.template?.metadata?.labels ?? {};
  if (Object.keys(labels).length > 0) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (Object.keys(object.metadata?.labels ?? {}).length === 0) {
      object.metadata ??= { name: "" };
      object.metadata.labels = { ...labels };
    }
  }
  spec.replicas ??= 1;
  defaultTemplate(spec.template);
}

export function defaultStatefulSet(object: StatefulSet): void {
  const spec = specOf(object);
  spec.podManagementPolicy ||= "OrderedReady";
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= "RollingUpdate";
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= "Retain";
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= "Retain";
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  defaultTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion = "v1";
    claim.kind = "PersistentVolumeClaim";
    defaultClaim(claim);
    claim.status ??= {};
    claim.status.phase ||= "Pending";
  }
}

export function defaultClaim(claim: Pick<PersistentVolumeClaim, "spec">): void {
  claim.spec ??= {};
  claim.spec.volumeMode ??= "Filesystem";
}

/** How often a daemon set's template has changed, for clients of versions that are gone. */
const templateGeneration = "deprecated.daemonset.template.generation";

export function prepareDaemonSet({ metadata, spec }: DaemonSet, old: DaemonSet | undefined): void {
  const before = Number(old?.metadata.annotations?.[templateGeneration] ?? 0);
  const moved = !old || !equal(spec.template, old.spec.template);
  metadata.annotations = { ...metadata.annotations, [templateGeneration]: String(moved ? before + 1 : before) };
}

export function defaultDaemonSet(object: DaemonSet): void {
  if (object.metadata?.name) {
    object.metadata.annotations ??= {};
    object.metadata.annotations[templateGeneration] ??= "0";
  }
  const spec = specOf(object);
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= "RollingUpdate";
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  defaultTemplate(spec.template);
}

export function defaultJob(job: Job): void {
  const spec = specOf(job);
  const { metadata } = job;
  const labels = spec.template?.metadata?.labels;
  if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  defaultJobSpec(spec);
}

function defaultJobSpec(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1;
    spec.parallelism = 1;
  }
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1;
  spec.completionMode ??= "NonIndexed";
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed";
  spec.manualSelector ??= false;
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= "True";
  }
  defaultTemplate(spec.template);
}

export function defaultCronJob(object: CronJob): void {
  object.spec ??= {} as CronJob["spec"];
  const { spec } = object;
  spec.concurrencyPolicy ||= "Allow";
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  defaultTemplate(spec.jobTemplate?.spec?.template);
}
