// Source: upstream's pkg/apis/apps/validation and pkg/apis/batch/validation.
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "@capstan/api/generated/apps-v1";
import type { CronJob, Job, JobSpec } from "@capstan/api/generated/batch-v1";
import type { PodTemplateSpec, ReplicationController } from "@capstan/api/generated/core-v1";
import type { LabelSelector } from "@capstan/api/generated/meta-v1";
import { equal, selects } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { isDnsLabel, labelDetail, validateLabels } from "../metadata.ts";
import { checkPodSpec } from "./pods.ts";
import {
  checkDomainPath,
  checkIntOrPercent,
  checkNotNegative,
  checkOneOf,
  checkSelector,
  checkShare,
  isSelector,
} from "./values.ts";

function checkTemplate(
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  errors: FieldErrors,
): void {
  const labels = template?.metadata?.labels;
  validateLabels(labels, "spec.template.metadata.labels", errors);
  if (selector && !isSelector(selector)) errors.invalid("spec.selector", selector, "invalid label selector");
  else if (selector && !selects(selector, labels)) {
    errors.invalid("spec.template.metadata.labels", labels ?? null, "`selector` does not match template `labels`");
  }
  checkPodSpec(template?.spec ?? { containers: [] }, "spec.template.spec", errors);
}

/** Sets keep their pods running. @param kind what upstream names as the owner. */
function checkForever(template: PodTemplateSpec | undefined, kind: string, errors: FieldErrors): void {
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {};
  if (restartPolicy !== undefined && restartPolicy !== "Always") {
    errors.notSupported("spec.template.spec.restartPolicy", restartPolicy, ["Always"]);
  }
  if (activeDeadlineSeconds !== undefined) {
    const at = "spec.template.spec.activeDeadlineSeconds";
    errors.forbidden(at, `activeDeadlineSeconds in ${kind} is not Supported`);
  }
}

/** What every set of long-running pods has. */
function checkSet(
  set: { spec: { selector?: LabelSelector; template?: PodTemplateSpec; minReadySeconds?: number } },
  kind: string,
  errors: FieldErrors,
): void {
  const { selector, template } = set.spec;
  if (!selector) {
    errors.required("spec.selector");
    errors.invalid(
      "spec.template.metadata.labels",
      template?.metadata?.labels ?? null,
      "`selector` does not match template `labels`",
    );
  } else if (!Object.keys(selector.matchLabels ?? {}).length && !selector.matchExpressions?.length) {
    errors.invalid("spec.selector", selector, "empty selector is invalid for deployment");
  }
  checkSelector(selector, "spec.selector", errors);
  checkTemplate(template, selector, errors);
  checkForever(template, kind, errors);
  checkNotNegative(set.spec.minReadySeconds, "spec.minReadySeconds", errors);
}

function checkSelectorKept(
  next: { spec: { selector?: LabelSelector } },
  old: { spec: { selector?: LabelSelector } } | undefined,
  errors: FieldErrors,
): void {
  if (old && !equal(next.spec.selector, old.spec.selector))
    errors.invalid("spec.selector", next.spec.selector, "field is immutable");
}

export function checkDeployment(deployment: Deployment, errors: FieldErrors, old?: Deployment): void {
  const { spec } = deployment;
  checkSet(deployment, "ReplicaSet", errors);
  checkSelectorKept(deployment, old, errors);
  for (const field of ["replicas", "revisionHistoryLimit", "progressDeadlineSeconds"] as const) {
    checkNotNegative(spec[field], `spec.${field}`, errors);
  }
  if (spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) {
    errors.invalid(
      "spec.progressDeadlineSeconds",
      spec.progressDeadlineSeconds,
      "must be greater than minReadySeconds",
    );
  }
  const { type, rollingUpdate } = spec.strategy ?? {};
  if (type !== "Recreate" && type !== "RollingUpdate") {
    errors.notSupported("spec.strategy", spec.strategy, ["Recreate", "RollingUpdate"]);
  }
  if (type === "Recreate" && rollingUpdate) {
    errors.forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
  }
  if (type !== "RollingUpdate" || !rollingUpdate) return;
  checkIntOrPercent(rollingUpdate.maxUnavailable, "spec.strategy.rollingUpdate.maxUnavailable", errors);
  checkIntOrPercent(rollingUpdate.maxSurge, "spec.strategy.rollingUpdate.maxSurge", errors);
  checkShare(rollingUpdate.maxUnavailable, "spec.strategy.rollingUpdate.maxUnavailable", errors);
  const isZero = (value: number | string | undefined) => value === 0 || value === "0%";
  if (isZero(rollingUpdate.maxUnavailable) && isZero(rollingUpdate.maxSurge)) {
    errors.invalid(
      "spec.strategy.rollingUpdate.maxUnavailable",
      rollingUpdate.maxUnavailable,
      "may not be 0 when `maxSurge` is 0",
    );
  }
}

export function checkReplicaSet(set: ReplicaSet, errors: FieldErrors, old?: ReplicaSet): void {
  checkSet(set as { spec: { selector: LabelSelector; template?: PodTemplateSpec } }, "ReplicaSet", errors);
  checkSelectorKept(set, old, errors);
  checkNotNegative(set.spec.replicas, "spec.replicas", errors);
}

export function checkReplicationController({ spec }: ReplicationController, errors: FieldErrors): void {
  const { selector = {}, template } = spec;
  if (Object.keys(selector).length === 0) errors.required("spec.selector");
  checkNotNegative(spec.replicas, "spec.replicas", errors);
  checkNotNegative(spec.minReadySeconds, "spec.minReadySeconds", errors);
  if (!template) errors.required("spec.template");
  else checkTemplate(template, { matchLabels: selector }, errors);
  checkForever(template, "ReplicationController", errors);
}

export function checkDaemonSet(set: DaemonSet, errors: FieldErrors, old?: DaemonSet): void {
  checkSet(set, "DaemonSet", errors);
  checkSelectorKept(set, old, errors);
  const { updateStrategy } = set.spec;
  const types = ["OnDelete", "RollingUpdate"];
  if (!types.includes(updateStrategy?.type ?? "")) errors.notSupported("spec.updateStrategy", updateStrategy, types);
  const { maxUnavailable, maxSurge } = updateStrategy?.rollingUpdate ?? {};
  const isZero = (value: number | string | undefined) => value === 0 || value === "0%";
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.required("spec.updateStrategy.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0");
  } else if (maxUnavailable !== undefined && maxSurge !== undefined && !isZero(maxUnavailable) && !isZero(maxSurge)) {
    const at = "spec.updateStrategy.rollingUpdate.maxSurge";
    errors.invalid(at, maxSurge, "may not be set when maxUnavailable is non-zero");
  }
}

const statefulChanges =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export function checkStatefulSet(set: StatefulSet, errors: FieldErrors, old?: StatefulSet): void {
  const { spec } = set;
  checkSet({ spec: { ...spec, template: withClaims(spec) } }, "StatefulSet", errors);
  checkNotNegative(spec.replicas, "spec.replicas", errors);
  const policy = spec.podManagementPolicy;
  if (policy !== "OrderedReady" && policy !== "Parallel") {
    errors.invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'");
  }
  const update = spec.updateStrategy;
  if (update?.type !== "RollingUpdate" && update?.type !== "OnDelete") {
    errors.invalid("spec.updateStrategy", update ?? null, "must be 'RollingUpdate' or 'OnDelete'");
  }
  if (update?.type === "OnDelete" && update.rollingUpdate) {
    const at = "spec.updateStrategy.rollingUpdate";
    errors.invalid(at, update.rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'");
  }
  checkNotNegative(spec.ordinals?.start, "spec.ordinals.start", errors);
  if (spec.serviceName && !isDnsLabel(spec.serviceName))
    errors.invalid("spec.serviceName", spec.serviceName, labelDetail);
  for (const [name, kept] of Object.entries(spec.persistentVolumeClaimRetentionPolicy ?? {})) {
    checkOneOf(kept, ["Delete", "Retain"], `spec.persistentVolumeClaimRetentionPolicy.${name}`, errors);
  }
  checkNotNegative(
    spec.updateStrategy?.rollingUpdate?.partition,
    "spec.updateStrategy.rollingUpdate.partition",
    errors,
  );
  if (!old) return;
  const fixed = ({ serviceName, selector, volumeClaimTemplates, podManagementPolicy }: StatefulSet["spec"]) => ({
    serviceName,
    selector,
    podManagementPolicy,
    claims: (volumeClaimTemplates ?? []).map(({ metadata, spec: claim }) => ({ name: metadata.name, claim })),
  });
  if (!equal(plain(fixed(spec)), plain(fixed(old.spec)))) errors.forbidden("spec", statefulChanges);
}

/** The template as its pods will be: each claim is a volume of its name, which mounts may refer to. */
function withClaims({ template, volumeClaimTemplates = [] }: StatefulSet["spec"]): PodTemplateSpec {
  if (!template?.spec || volumeClaimTemplates.length === 0) return template;
  const names = new Set(volumeClaimTemplates.map(({ metadata }) => metadata.name));
  const others = template.spec.volumes?.filter(({ name }) => !names.has(name)) ?? [];
  const claims = [...names].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { ...template, spec: { ...template.spec, volumes: [...others, ...claims] } };
}

/** Without what is undefined. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

export function checkJob(job: Job, errors: FieldErrors, old?: Job): void {
  const { spec, metadata } = job;
  if (metadata.name && metadata.name.length > 63)
    errors.invalid("metadata.name", metadata.name, "must be no more than 63 characters");
  checkJobSpec(spec, "spec", errors);
  checkTemplate(spec.template, spec.selector, errors);
  checkGenerated(job, errors);
  if (!old) return;
  if (!equal(spec.selector, old.spec.selector)) errors.invalid("spec.selector", spec.selector, "field is immutable");
  if (spec.completionMode !== old.spec.completionMode)
    errors.invalid("spec.completionMode", spec.completionMode, "field is immutable");
  if (spec.completionMode !== "Indexed" && spec.completions !== old.spec.completions) {
    errors.invalid("spec.completions", spec.completions ?? null, "field is immutable");
  }
  const startable = old.spec.suspend && !old.status?.startTime;
  if (!equal(templateOf(job, startable), templateOf(old, startable)))
    errors.invalid("spec.template", spec.template, "field is immutable");
}

function checkGenerated({ spec, metadata }: Job, errors: FieldErrors): void {
  if (spec.manualSelector && !spec.selector) {
    errors.required("spec.selector");
    const labels = spec.template?.metadata?.labels ?? null;
    errors.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`");
  }
  if (spec.manualSelector || !spec.selector) return;
  const expected = { "batch.kubernetes.io/controller-uid": metadata.uid };
  const older = { "controller-uid": metadata.uid };
  const { matchLabels, matchExpressions } = spec.selector;
  if (!matchExpressions?.length && (equal(matchLabels, expected) || equal(matchLabels, older))) return;
  errors.invalid("spec.selector", spec.selector, "`selector` not auto-generated");
}

/** While a Job is suspended what schedules its pods may change. */
function templateOf({ spec }: Job, startable: boolean | undefined): unknown {
  const template = structuredClone(spec.template);
  if (!startable || !template.spec) return template;
  delete template.metadata;
  for (const field of ["nodeSelector", "affinity", "tolerations", "schedulingGates"] as const)
    delete template.spec[field];
  return template;
}

function checkJobSpec(spec: JobSpec, at: string, errors: FieldErrors): void {
  for (const field of [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
  ] as const) {
    checkNotNegative(spec[field], `${at}.${field}`, errors);
  }
  checkOneOf(spec.completionMode ?? "NonIndexed", ["NonIndexed", "Indexed"], `${at}.completionMode`, errors);
  if (spec.completionMode === "Indexed" && spec.completions === undefined) {
    errors.required(`${at}.completions`, "when completion mode is Indexed");
  }
  const policy = spec.template?.spec?.restartPolicy;
  if (policy === "Always") {
    errors.required(`${at}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"');
  }
  checkIndexed(spec, at, errors);
  if (spec.podReplacementPolicy !== undefined) {
    // A failure policy counts pods that have failed, so it needs them to have.
    const allowed = spec.podFailurePolicy ? ["Failed"] : ["Failed", "TerminatingOrFailed"];
    checkOneOf(spec.podReplacementPolicy, allowed, `${at}.podReplacementPolicy`, errors);
  }
  if (spec.managedBy !== undefined) checkDomainPath(spec.managedBy, `${at}.managedBy`, errors);
  checkFailurePolicy(spec, at, errors);
  if (spec.podFailurePolicy && policy !== "Never") {
    errors.invalid(
      `${at}.template.spec.restartPolicy`,
      policy,
      'only "Never" is supported when podFailurePolicy is specified',
    );
  }
}

/** Source: batch's maxParallelismForIndexedJob. */
const mostIndexed = 100_000;

function checkIndexed(spec: JobSpec, at: string, errors: FieldErrors): void {
  const { parallelism = 1, maxFailedIndexes, backoffLimitPerIndex } = spec;
  checkNotNegative(maxFailedIndexes, `${at}.maxFailedIndexes`, errors);
  checkNotNegative(backoffLimitPerIndex, `${at}.backoffLimitPerIndex`, errors);
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    errors.required(`${at}.backoffLimitPerIndex`, "when maxFailedIndexes is specified");
  }
  if (spec.completionMode === "Indexed") {
    if (parallelism <= mostIndexed) return;
    const detail = `must be less than or equal to ${mostIndexed} when completion mode is Indexed`;
    errors.invalid(`${at}.parallelism`, parallelism, detail);
  } else if (maxFailedIndexes !== undefined) {
    errors.invalid(`${at}.maxFailedIndexes`, maxFailedIndexes, "requires indexed completion mode");
  }
}

/** Source: batch's validatePodFailurePolicyRule and validateSuccessPolicy. */
function checkFailurePolicy(spec: JobSpec, at: string, errors: FieldErrors): void {
  const actions = ["Count", "FailIndex", "FailJob", "Ignore"];
  for (const [i, { action, onExitCodes, onPodConditions }] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    const rule = `${at}.podFailurePolicy.rules[${i}]`;
    if (!actions.includes(action)) {
      if (action) errors.notSupported(`${rule}.action`, action, actions);
      else errors.required(`${rule}.action`, `valid values: ${actions.map((name) => JSON.stringify(name)).join(", ")}`);
    }
    const given = Number(onExitCodes !== undefined) + Number((onPodConditions?.length ?? 0) > 0);
    const one = "specifying one of OnExitCodes and OnPodConditions is required";
    const both = "specifying both OnExitCodes and OnPodConditions is not supported";
    if (given === 0) errors.plain(rule, one);
    if (given === 2) errors.plain(rule, both);
    for (const [j, value] of (onExitCodes?.values ?? []).entries()) {
      if (value === 0 && onExitCodes?.operator === "In") {
        errors.invalid(`${rule}.onExitCodes.values[${j}]`, value, "must not be 0 for the In operator");
      }
    }
  }
  if (spec.backoffLimitPerIndex !== undefined && spec.completionMode !== "Indexed") {
    errors.invalid(`${at}.backoffLimitPerIndex`, spec.backoffLimitPerIndex, "requires indexed completion mode");
  }
  if (spec.successPolicy && spec.completionMode !== "Indexed") {
    errors.invalid(`${at}.successPolicy`, spec.successPolicy, "requires indexed completion mode");
  }
  const rules = spec.completionMode === "Indexed" ? (spec.successPolicy?.rules ?? []) : [];
  for (const [i, rule] of rules.entries()) {
    if (rule.succeededCount === undefined && rule.succeededIndexes === undefined) {
      errors.required(
        `${at}.successPolicy.rules[${i}]`,
        "at least one of succeededCount or succeededIndexes must be specified",
      );
    }
  }
}

const macros = new Set(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]);

export function checkCronJob(job: CronJob, errors: FieldErrors): void {
  const { spec, metadata } = job;
  if (metadata.name && metadata.name.length > 52)
    errors.invalid("metadata.name", metadata.name, "must be no more than 52 characters");
  if (!spec.schedule) errors.required("spec.schedule");
  else if (/TZ/.test(spec.schedule)) {
    errors.invalid("spec.schedule", spec.schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  } else if (!macros.has(spec.schedule) && !/^@every \S+$/.test(spec.schedule) && !isSchedule(spec.schedule)) {
    errors.invalid("spec.schedule", spec.schedule, scheduleProblem(spec.schedule));
  }
  for (const name of ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] as const) {
    checkNotNegative(spec[name], `spec.${name}`, errors);
  }
  checkOneOf(spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"], "spec.concurrencyPolicy", errors);
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone))
    errors.invalid("spec.timeZone", spec.timeZone, `unknown time zone ${spec.timeZone}`);
  const template = spec.jobTemplate?.spec;
  if (!template) {
    errors.required("spec.jobTemplate.spec");
    return;
  }
  checkJobSpec(template, "spec.jobTemplate.spec", errors);
  checkPodSpec(template.template?.spec ?? { containers: [] }, "spec.jobTemplate.spec.template.spec", errors);
}

function scheduleProblem(text: string): string {
  const fields = text.trim().split(/\s+/);
  return fields.length === 5
    ? "each field holds numbers, names, '*', '-', ',' and '/'"
    : `expected exactly 5 fields, found ${fields.length}: [${fields.join(" ")}]`;
}

const isSchedule = (text: string) => {
  const fields = text.trim().split(/\s+/);
  return (
    fields.length === 5 &&
    fields.every((field) =>
      /^(\*|\?|[\dA-Za-z]+(-[\dA-Za-z]+)?)(\/\d+)?(,(\*|[\dA-Za-z]+(-[\dA-Za-z]+)?)(\/\d+)?)*$/.test(field),
    )
  );
};

function isTimeZone(name: string): boolean {
  try {
    return name !== "" && new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
