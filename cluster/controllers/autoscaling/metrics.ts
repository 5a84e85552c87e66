// Reads the three metrics APIs. Source: pkg/controller/podautoscaler/metrics.
import type { CrossVersionObjectReference, MetricIdentifier } from "@capstan/api/generated/autoscaling-v2";
import type { APIGroup } from "@capstan/api/generated/meta-v1";
import { isReason } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { type Client, readText } from "@capstan/core/client";
import { findResource } from "./kind-lookup.ts";
import { milliOf } from "./pod-groups.ts";
import type { Milli, PodMetrics } from "./replica-count.ts";
import { selectorQuery } from "./selector.ts";

/** All methods throw errors whose message says which API did not answer, and why. */
export interface MetricsReader {
  /** @param container empty: the sum of all. @param selector of pods, as a query. */
  ofResource(resource: string, namespace: string, selector: string, container: string): Promise<PodMetrics>;
  ofPods(metric: MetricIdentifier, namespace: string, selector: string): Promise<PodMetrics>;
  ofObject(metric: MetricIdentifier, namespace: string, object: CrossVersionObjectReference): Promise<Milli>;
  /** The sum of all series that the metric's selector selects. */
  ofOutside(metric: MetricIdentifier, namespace: string): Promise<Milli>;
}

interface PodUsage {
  metadata: { name: string; namespace?: string };
  timestamp: string;
  window: string;
  containers?: { name: string; usage: Record<string, string> }[];
}
interface MetricValue {
  describedObject?: { name: string };
  timestamp?: string;
  windowSeconds?: number;
  value: string;
}
interface List<T> {
  items?: T[];
}

/** What a metric without a window counts as having, in milliseconds. */
const defaultWindow = 60_000;

export function createMetricsReader(client: Client): MetricsReader {
  const read = async <T>(path: string, query: Record<string, string>, what: string): Promise<T> => {
    const given = Object.entries(query).filter(([, value]) => value !== "");
    const url = given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path;
    try {
      return JSON.parse(await readText(await client.request({ url, headers: { accept: "application/json" } }))) as T;
    } catch (error) {
      const nothingThere = isReason(error, "NotFound") && /could not find the requested resource$/.test(error.message);
      throw nothingThere ? new Error(`${error.message} (get ${what})`) : error;
    }
  };
  const readCustom = async (path: string, selector: string, { name, selector: own }: MetricIdentifier) => {
    const root = await customRoot(client);
    const query = { labelSelector: selector, metricLabelSelector: selectorQuery(own) };
    return (await read<List<MetricValue>>(`${root}/${path}`, query, `${name}.custom.metrics.k8s.io`)).items ?? [];
  };
  return {
    async ofResource(resource, namespace, selector, container) {
      const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`;
      const { items = [] } = await from("resource", () =>
        read<List<PodUsage>>(path, { labelSelector: selector }, "pods.metrics.k8s.io"),
      );
      if (items.length === 0) throw new Error("no metrics returned from resource metrics API");
      return container === "" ? sumsOf(items, resource) : partsOf(items, resource, container);
    },
    async ofPods(metric, namespace, selector) {
      const path = `namespaces/${namespace}/pods/*/${encodeURIComponent(metric.name)}`;
      const items = await from("custom", () => readCustom(path, selector, metric));
      if (items.length === 0) throw new Error("no metrics returned from custom metrics API");
      return new Map(items.map((item) => [item.describedObject?.name ?? "", podMetricOf(item)]));
    },
    async ofObject(metric, namespace, object) {
      return from("custom", async () => {
        const path = await objectPath(client, namespace, object, metric.name);
        const items = await readCustom(path, "", metric);
        const [only] = items;
        if (!only || items.length !== 1) {
          throw new Error(
            `the custom metrics API server returned ${items.length} results when we asked for exactly one`,
          );
        }
        return milliOf(only.value);
      });
    },
    async ofOutside({ name, selector }, namespace) {
      const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${encodeURIComponent(name)}`;
      const query = { labelSelector: selectorQuery(selector) };
      const { items = [] } = await from("external", () =>
        read<List<MetricValue>>(path, query, `${name}.external.metrics.k8s.io`),
      );
      if (items.length === 0) throw new Error("no metrics returned from external metrics API");
      return items.reduce((sum, { value }) => sum + milliOf(value), 0);
    },
  };
}

async function from<T>(api: "resource" | "custom" | "external", read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new Error(`unable to fetch metrics from ${api} metrics API: ${messageOf(error)}`, { cause: error });
  }
}

/** The path of the custom metrics API in the version that its server prefers. */
async function customRoot(client: Client): Promise<string> {
  const group = "custom.metrics.k8s.io";
  try {
    const { preferredVersion } = JSON.parse(
      await readText(await client.request({ url: `/apis/${group}` })),
    ) as Partial<APIGroup>;
    return `/apis/${group}/${preferredVersion?.version ?? "v1beta2"}`;
  } catch (error) {
    if (isReason(error, "NotFound")) throw new Error(`no custom metrics API (${group}) registered`);
    throw error;
  }
}

async function objectPath(
  client: Client,
  namespace: string,
  { apiVersion = "v1", kind, name }: CrossVersionObjectReference,
  metric: string,
): Promise<string> {
  const last = encodeURIComponent(metric);
  if (kind === "Namespace" && apiVersion === "v1") return `namespaces/${namespace}/metrics/${last}`;
  const { group, resource } = await findResource(client, apiVersion, kind);
  return `namespaces/${namespace}/${group ? `${resource}.${group}` : resource}/${encodeURIComponent(name)}/${last}`;
}

const timesOf = ({ timestamp, window }: PodUsage) => ({ time: Date.parse(timestamp), window: durationOf(window) });

function sumsOf(items: PodUsage[], resource: string): PodMetrics {
  const metrics: PodMetrics = new Map();
  for (const item of items) {
    const values = (item.containers ?? []).map(({ usage }) => usage[resource]);
    if (values.length === 0 || values.includes(undefined)) continue;
    const value = values.reduce((sum, quantity) => sum + milliOf(quantity ?? 0), 0);
    metrics.set(item.metadata.name, { ...timesOf(item), value });
  }
  return metrics;
}

function partsOf(items: PodUsage[], resource: string, container: string): PodMetrics {
  const metrics: PodMetrics = new Map();
  for (const item of items) {
    const { namespace, name } = item.metadata;
    const part = item.containers?.find((candidate) => candidate.name === container);
    if (!part) {
      throw new Error(
        `failed to get container metrics: container ${container} not present in metrics for pod ${namespace}/${name}`,
      );
    }
    const quantity = part.usage[resource];
    if (quantity !== undefined) metrics.set(name, { ...timesOf(item), value: milliOf(quantity) });
  }
  return metrics;
}

function podMetricOf({ timestamp = "", windowSeconds, value }: MetricValue) {
  const window = windowSeconds === undefined ? defaultWindow : windowSeconds * 1000;
  return { time: Date.parse(timestamp), window, value: milliOf(value) };
}

const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds of a duration such as `1m15.5s`; anything else is the default window. Source: Go's time.Duration. */
function durationOf(text: string): number {
  const parts = [...text.matchAll(/([\d.]+)(ms|h|m|s)/g)];
  if (parts.length === 0) return defaultWindow;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ""] ?? 0), 0);
}
