// metrics.k8s.io: what nodes and pods use, as their agents count it. Source: metrics-server.
import { type Logger, silent } from "@capstan/base/log";
import type { ExtensionFactory } from "../request.ts";
import { createKubelets, type KubeletsOptions } from "../streams/kubelet.ts";
import { metricsEndpoints } from "./endpoints.ts";
import { nodeMetrics, podMetrics } from "./kinds.ts";
import { createMeter } from "./meter.ts";
import { readSummary, type Summary } from "./summary.ts";

export type { ContainerReading, PodReading, Reading, Summary } from "./summary.ts";

export interface MetricsOptions {
  /** What a node's agent says, or how to ask it: see KubeletsOptions. */
  source: { summary(node: string, signal: AbortSignal): Promise<Summary> } | Pick<KubeletsOptions, "client">;
  /** Milliseconds between the first two samples of a node. Default 1000. */
  window?: number;
  /** How long an answer serves further questions, in milliseconds. Default 5000. */
  freshness?: number;
  log?: Logger;
}

export function createMetrics({ source, log = silent, ...options }: MetricsOptions): ExtensionFactory {
  return (view) => {
    const read = "summary" in source ? source.summary : agentReader({ view, ...source });
    const meter = createMeter({ read, ...options });
    return { kinds: [nodeMetrics, podMetrics], endpoints: metricsEndpoints({ view, meter, log }) };
  };
}

function agentReader(options: KubeletsOptions) {
  const kubelets = createKubelets(options);
  return async (node: string, signal: AbortSignal): Promise<Summary> => {
    const request = { method: "GET", url: "/stats/summary", headers: {}, signal };
    return readSummary(await kubelets.forward(node, request.url, request));
  };
}
