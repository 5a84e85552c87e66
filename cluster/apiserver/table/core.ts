import type {
  ConfigMap,
  Event,
  Namespace,
  Node,
  PodTemplate,
  ResourceQuota,
  Secret,
  ServiceAccount,
} from "@capstan/api/generated/core-v1";
import type { KubeObject } from "@capstan/api/meta";
import { eventConversion } from "../conversion/events.ts";
import { since } from "./age.ts";
import { ageColumn, type Column, nameColumn, text, wide } from "./column.ts";

const namespaceColumns: Column<Namespace>[] = [nameColumn, text("Status", ({ status }) => status?.phase), ageColumn];

const configMapColumns: Column<ConfigMap>[] = [
  nameColumn,
  text("Data", ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length),
  ageColumn,
];

const secretColumns: Column<Secret>[] = [
  nameColumn,
  text("Type", ({ type }) => type),
  text("Data", ({ data }) => Object.keys(data ?? {}).length),
  ageColumn,
];

const accountColumns: Column<ServiceAccount>[] = [
  nameColumn,
  text("Secrets", ({ secrets }) => secrets?.length ?? 0),
  ageColumn,
];

function nodeStatus({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const text = ready ? (ready.status === "True" ? "Ready" : "NotReady") : "Unknown";
  return spec.unschedulable ? `${text},SchedulingDisabled` : text;
}

function nodeRoles({ metadata }: Node): string | undefined {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (key.startsWith("node-role.kubernetes.io/")) roles.add(key.slice("node-role.kubernetes.io/".length));
    else if (key === "kubernetes.io/role" && value) roles.add(value);
  }
  return [...roles].filter(Boolean).sort().join(",") || undefined;
}

const nodeAddress = ({ status }: Node, wanted: string) =>
  status?.addresses?.find(({ type }) => type === wanted)?.address;

const nodeColumns: Column<Node>[] = [
  nameColumn,
  text("Status", nodeStatus),
  text("Roles", nodeRoles),
  ageColumn,
  text("Version", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""),
  wide("Internal-IP", (node) => nodeAddress(node, "InternalIP")),
  wide("External-IP", (node) => nodeAddress(node, "ExternalIP")),
  wide("OS-Image", ({ status }) => status?.nodeInfo?.osImage || "<unknown>"),
  wide("Kernel-Version", ({ status }) => status?.nodeInfo?.kernelVersion || "<unknown>"),
  wide("Container-Runtime", ({ status }) => status?.nodeInfo?.containerRuntimeVersion || "<unknown>"),
];

const firstSeen = ({ firstTimestamp, eventTime }: Event) => since(firstTimestamp ?? eventTime);

function lastSeen(event: Event): string {
  if (event.series) return since(event.series.lastObservedTime);
  return event.lastTimestamp ? since(event.lastTimestamp) : firstSeen(event);
}

function eventSource({ source, reportingComponent, reportingInstance }: Event): string {
  const parts = [source?.component || reportingComponent, source?.host || reportingInstance];
  return parts.filter(Boolean).join(", ");
}

const eventColumns: Column<Event>[] = [
  text("Last Seen", lastSeen),
  text("Type", ({ type }) => type ?? ""),
  text("Reason", ({ reason }) => reason ?? ""),
  text("Object", ({ involvedObject: { kind = "", name } }) => kind.toLowerCase() + (name ? `/${name}` : "")),
  wide("Subobject", ({ involvedObject }) => involvedObject.fieldPath ?? ""),
  wide("Source", eventSource),
  text("Message", ({ message }) => (message ?? "").trim()),
  wide("First Seen", firstSeen),
  { ...text<Event>("Count", ({ series, count }) => series?.count ?? (count || 1)), priority: 1 },
  { ...nameColumn, priority: 1 },
];

const quotaPart = ({ status }: ResourceQuota, limits: boolean) => {
  const hard = status?.hard ?? {};
  const names = Object.keys(hard).filter((name) => name.startsWith("limits.") === limits);
  return names
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? "0"}/${hard[name]}`)
    .join(", ");
};

const quotaColumns: Column<ResourceQuota>[] = [
  nameColumn,
  text("Request", (quota) => quotaPart(quota, false)),
  text("Limit", (quota) => quotaPart(quota, true)),
  ageColumn,
];

const podTemplateColumns: Column<PodTemplate>[] = [
  nameColumn,
  text("Containers", ({ template }) => (template?.spec?.containers ?? []).map(({ name }) => name).join(",")),
  text("Images", ({ template }) => (template?.spec?.containers ?? []).map(({ image }) => image).join(",")),
  text("Pod Labels", ({ template }) =>
    Object.entries(template?.metadata?.labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  ),
];

export const coreColumns = {
  "/namespaces": namespaceColumns,
  "/configmaps": configMapColumns,
  "/secrets": secretColumns,
  "/serviceaccounts": accountColumns,
  "/nodes": nodeColumns,
  "/events": eventColumns,
  "events.k8s.io/events": eventColumns.map((column) => ({
    ...column,
    cell: (object: KubeObject) => column.cell(eventConversion.toStored(object) as Event),
  })),
  "/resourcequotas": quotaColumns,
  "/podtemplates": podTemplateColumns,
};
