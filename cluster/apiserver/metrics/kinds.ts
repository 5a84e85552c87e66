import type { KubeObject } from "@capstan/api/meta";
import type { Schema, StructSchema } from "@capstan/api/schema";
import type { Kind } from "../kind.ts";
import { type Column, nameColumn, text } from "../table/column.ts";
import type { Usage } from "./meter.ts";

interface Amounts {
  cpu: string;
  memory: string;
}
interface Metrics extends KubeObject {
  timestamp: string;
  window: string;
}
export interface NodeMetrics extends Metrics {
  usage: Amounts;
}
export interface PodMetrics extends Metrics {
  containers: { name: string; usage: Amounts }[];
}

export const group = "metrics.k8s.io";
export const version = "v1beta1";
const apiVersion = `${group}/${version}`;

const string: Schema = { kind: "scalar", type: "string" };
const amounts: Schema = { kind: "map", values: { kind: "scalar", type: "quantity" }, atomic: false };
const times: Record<string, Schema> = { timestamp: { kind: "scalar", type: "time" }, window: string };

function struct(fields: Record<string, Schema>): StructSchema {
  return {
    kind: "struct",
    field: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
    names: () => Object.keys(fields),
    required: [],
    omitsEmpty: () => false,
    zeroOf: () => undefined,
    held: [],
    numbers: [],
    nulls: [],
    atomic: false,
    open: false,
  };
}
const containers: Schema = {
  kind: "list",
  items: struct({ name: string, usage: amounts }),
  listType: "atomic",
  keys: [],
  keyDefaults: {},
};

/** Columns as metrics-server has them. */
function columnsOf<T extends Metrics>(usageOf: (object: T) => Amounts): Column<T>[] {
  return [
    nameColumn as unknown as Column<T>,
    text("cpu", (object) => usageOf(object).cpu),
    text("memory", (object) => usageOf(object).memory),
    text("window", (object) => object.window),
  ];
}

function kindOf<T>(resource: string, kind: string, fields: Record<string, Schema>, columns: Column<T>[]): Kind {
  return {
    group,
    version,
    resource,
    kind,
    namespaced: resource === "pods",
    singular: "",
    shortNames: [],
    categories: [],
    listKind: `${kind}List`,
    verbs: ["get", "list"],
    subresources: [],
    statusSubresource: false,
    schema: struct({ ...times, ...fields }),
    rules: { columns },
    prefix: `${group}/${resource}/`,
    storedVersion: apiVersion,
  };
}

export const nodeMetrics = kindOf(
  "nodes",
  "NodeMetrics",
  { usage: amounts },
  columnsOf<NodeMetrics>((n) => n.usage),
);
export const podMetrics = kindOf("pods", "PodMetrics", { containers }, columnsOf<PodMetrics>(totalOf));

function totalOf({ containers: list }: PodMetrics): Amounts {
  const sum = (name: keyof Amounts) => list.reduce((total, { usage }) => total + Number.parseInt(usage[name], 10), 0);
  return { cpu: `${sum("cpu")}n`, memory: `${sum("memory")}Ki` };
}

const amountsOf = ({ cpu, memory }: Usage): Amounts => {
  return { cpu: `${Math.ceil(cpu)}n`, memory: `${Math.ceil(memory / 1024)}Ki` };
};

function common(kind: Kind, { metadata }: KubeObject, { time, window }: Usage): Metrics {
  const { name, namespace, labels } = metadata;
  const timestamp = new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    kind: kind.kind,
    apiVersion,
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      creationTimestamp: timestamp,
      ...(labels ? { labels } : {}),
    },
    timestamp,
    window: `${window / 1000}s`,
  };
}

export function nodeMetricsOf(node: KubeObject, usage: Usage): NodeMetrics {
  return { ...common(nodeMetrics, node, usage), usage: amountsOf(usage) };
}

/** @param usages by container; at least one. */
export function podMetricsOf(pod: KubeObject, usages: ReadonlyMap<string, Usage>): PodMetrics {
  const longest = [...usages.values()].reduce((a, b) => (b.window > a.window ? b : a));
  const list = [...usages].map(([name, usage]) => ({ name, usage: amountsOf(usage) }));
  return { ...common(podMetrics, pod, longest), containers: list };
}
