import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "@capstan/api/generated/apps-v1";
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus } from "@capstan/api/generated/autoscaling-v2";
import type { CronJob, Job } from "@capstan/api/generated/batch-v1";
import type { ReplicationController } from "@capstan/api/generated/core-v1";
import type { PodDisruptionBudget } from "@capstan/api/generated/policy-v1";
import type { KubeObject } from "@capstan/api/meta";
import { autoscalerConversion } from "../conversion/autoscalers.ts";
import { humanDuration, since } from "./age.ts";
import { ageColumn, type Column, count, nameColumn, text } from "./column.ts";
import { podColumns, selectorText } from "./selector-text.ts";

export const deploymentColumns: Column<Deployment>[] = [
  nameColumn,
  text("Ready", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`),
  text("Up-to-date", ({ status }) => status?.updatedReplicas ?? 0),
  text("Available", ({ status }) => status?.availableReplicas ?? 0),
  ageColumn,
  ...podColumns<Deployment>(
    ({ spec }) => spec.template.spec?.containers,
    ({ spec }) => spec.selector,
  ),
];

const replicaColumns: Column<ReplicaSet | ReplicationController>[] = [
  nameColumn,
  count("Desired", ({ spec }) => spec.replicas),
  count("Current", ({ status }) => status?.replicas),
  count("Ready", ({ status }) => status?.readyReplicas),
  ageColumn,
  ...podColumns<ReplicaSet | ReplicationController>(
    ({ spec }) => spec.template?.spec?.containers,
    ({ spec }) => spec.selector,
  ),
];

const statefulSetColumns: Column<StatefulSet>[] = [
  nameColumn,
  text("Ready", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`),
  ageColumn,
  ...podColumns<StatefulSet>(({ spec }) => spec.template.spec?.containers),
];

const daemonSetColumns: Column<DaemonSet>[] = [
  nameColumn,
  count("Desired", ({ status }) => status?.desiredNumberScheduled),
  count("Current", ({ status }) => status?.currentNumberScheduled),
  count("Ready", ({ status }) => status?.numberReady),
  count("Up-to-date", ({ status }) => status?.updatedNumberScheduled),
  count("Available", ({ status }) => status?.numberAvailable),
  text("Node Selector", ({ spec }) => selectorText(spec.template.spec?.nodeSelector)),
  ageColumn,
  ...podColumns<DaemonSet>(
    ({ spec }) => spec.template.spec?.containers,
    ({ spec }) => spec.selector,
  ),
];

function jobStatus({ metadata, status }: Job): string {
  const has = (wanted: string) =>
    status?.conditions?.some(({ type, status: value }) => type === wanted && value === "True");
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (metadata.deletionTimestamp) return "Terminating";
  if (has("Suspended")) return "Suspended";
  return has("FailureTarget") ? "FailureTarget" : "Running";
}

function completions({ spec, status }: Job): string {
  const done = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${done}/${spec.completions}`;
  return (spec.parallelism ?? 0) > 1 ? `${done}/1 of ${spec.parallelism}` : `${done}/1`;
}

function jobDuration({ status }: Job): string {
  if (!status?.startTime) return "";
  const end = status.completionTime ? Date.parse(status.completionTime) : Date.now();
  return humanDuration(end - Date.parse(status.startTime));
}

const jobColumns: Column<Job>[] = [
  nameColumn,
  text("Status", jobStatus),
  text("Completions", completions),
  text("Duration", jobDuration),
  ageColumn,
  ...podColumns<Job>(
    ({ spec }) => spec.template.spec?.containers,
    ({ spec }) => spec.selector,
  ),
];

const cronJobColumns: Column<CronJob>[] = [
  nameColumn,
  text("Schedule", ({ spec }) => spec.schedule),
  text("Timezone", ({ spec }) => spec.timeZone),
  { name: "Suspend", type: "boolean", cell: ({ spec }) => capital(spec.suspend) },
  count("Active", ({ status }) => status?.active?.length),
  text("Last Schedule", ({ status }) => (status?.lastScheduleTime ? since(status.lastScheduleTime) : undefined)),
  ageColumn,
  ...podColumns<CronJob>(
    ({ spec }) => spec.jobTemplate.spec?.template.spec?.containers,
    ({ spec }) => spec.jobTemplate.spec?.selector,
  ),
];

/** Go's printers write pointers to bool so. */
function capital(value: boolean | undefined): string {
  return value === undefined ? "<unset>" : value ? "True" : "False";
}

const budgetColumns: Column<PodDisruptionBudget>[] = [
  nameColumn,
  text("Min Available", ({ spec }) => spec.minAvailable ?? "N/A"),
  text("Max Unavailable", ({ spec }) => spec.maxUnavailable ?? "N/A"),
  count("Allowed Disruptions", ({ status }) => status?.disruptionsAllowed),
  ageColumn,
];

interface Amount {
  averageValue?: string;
  averageUtilization?: number;
  value?: string;
}

/** `cpu: 10%/80%` for each metric, two at most. Source: upstream's formatHPAMetrics. */
function targets({ spec, status }: HorizontalPodAutoscaler): string | undefined {
  const metrics = spec.metrics ?? [];
  if (metrics.length === 0) return undefined;
  const shown = metrics.slice(0, 2).map((metric, i) => metricText(metric, status?.currentMetrics?.[i]));
  const more = metrics.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` + ${more} more...` : "");
}

function metricText(metric: MetricSpec, current: MetricStatus | undefined): string {
  const resource = metric.resource ?? metric.containerResource;
  const now: Amount =
    (current?.resource ?? current?.containerResource ?? current?.pods ?? current?.object ?? current?.external)
      ?.current ?? {};
  if (resource) {
    const { averageValue, averageUtilization } = resource.target;
    if (averageValue) return `${resource.name}: ${now.averageValue ?? "<unknown>"}/${averageValue}`;
    const percent = now.averageUtilization === undefined ? "<unknown>" : `${now.averageUtilization}%`;
    return `${resource.name}: ${percent}/${averageUtilization === undefined ? "<auto>" : `${averageUtilization}%`}`;
  }
  const target: Amount | undefined = (metric.pods ?? metric.object ?? metric.external)?.target;
  if (!target) return "<unknown type>";
  if (metric.pods) return `${now.averageValue ?? "<unknown>"}/${target.averageValue}`;
  if (target.averageValue) return `${now.averageValue ?? "<unknown>"}/${target.averageValue} (avg)`;
  return `${now.value ?? "<unknown>"}/${target.value}`;
}

const autoscalerColumns: Column<HorizontalPodAutoscaler>[] = [
  nameColumn,
  text("Reference", ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`),
  text("Targets", targets),
  text("MinPods", ({ spec }) => String(spec.minReplicas ?? "<unset>")),
  text("MaxPods", ({ spec }) => spec.maxReplicas),
  text("Replicas", ({ status }) => status?.currentReplicas ?? 0),
  ageColumn,
];

export const workloadColumns = {
  "apps/deployments": deploymentColumns,
  "apps/replicasets": replicaColumns,
  "/replicationcontrollers": replicaColumns,
  "apps/statefulsets": statefulSetColumns,
  "apps/daemonsets": daemonSetColumns,
  "batch/jobs": jobColumns,
  "batch/cronjobs": cronJobColumns,
  "policy/poddisruptionbudgets": budgetColumns,
  "autoscaling/v2/horizontalpodautoscalers": autoscalerColumns,
  "autoscaling/v1/horizontalpodautoscalers": autoscalerColumns.map((column) => ({
    ...column,
    cell: (object: KubeObject) => column.cell(autoscalerConversion.toStored(object) as HorizontalPodAutoscaler),
  })),
};
