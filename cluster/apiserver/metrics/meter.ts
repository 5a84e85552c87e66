import { aborted, sleep } from "@capstan/base/async";
import type { ContainerReading, PodReading, Reading, Summary } from "./summary.ts";

/** What was used over a window of time. */
export interface Usage {
  /** End of the window, milliseconds since 1970. */
  time: number;
  /** Its length in milliseconds. */
  window: number;
  /** Billionths of a core, on average. */
  cpu: number;
  /** Bytes of the working set at the end. */
  memory: number;
}

export interface NodeUsage {
  /** Absent when the agent says nothing of its machine. */
  node?: Usage;
  /** By `namespace/name`; then by container. Pods of which nothing runs have no containers. */
  pods: Map<string, Map<string, Usage>>;
}

export interface MeterOptions {
  read(node: string, signal: AbortSignal): Promise<Summary>;
  /** Milliseconds between the two samples of a node that nobody asked for lately. Default 1000. */
  window?: number;
  /** How long an answer serves further questions, in milliseconds. Default 5000. */
  freshness?: number;
  /** Milliseconds since 1970; default Date.now. */
  now?: () => number;
}

/** Turns counters into rates, when somebody asks: nothing is sampled otherwise. */
export interface Meter {
  /** Rejects as `read` does. */
  measure(node: string, signal: AbortSignal): Promise<NodeUsage>;
}

/** How old a sample may be that a rate starts from, in milliseconds. */
const memory = 90_000;
/** How long an agent may take to answer, in milliseconds. Source: metrics-server's kubelet-request-timeout. */
const patience = 10_000;

interface Entry {
  pending?: Promise<NodeUsage>;
  last?: { at: number; summary: Summary; usage: NodeUsage };
}

export function createMeter({ read, window = 1000, freshness = 5000, now = Date.now }: MeterOptions): Meter {
  const entries = new Map<string, Entry>();
  const sample = async (node: string, entry: Entry): Promise<NodeUsage> => {
    const readNow = () => read(node, AbortSignal.timeout(patience));
    const known = entry.last && now() - entry.last.at <= memory ? entry.last.summary : undefined;
    const before = known ?? (await readNow());
    if (!known) await sleep(window);
    const summary = await readNow();
    const usage = usageBetween(before, summary);
    entry.last = { at: now(), summary, usage };
    return usage;
  };
  const forget = () => {
    for (const [node, { pending, last }] of entries) {
      if (!pending && (!last || now() - last.at > memory)) entries.delete(node);
    }
  };
  return {
    async measure(node, signal) {
      forget();
      const entry = entries.get(node) ?? {};
      entries.set(node, entry);
      if (!entry.pending && entry.last && now() - entry.last.at < freshness) return entry.last.usage;
      entry.pending ??= sample(node, entry).finally(() => {
        delete entry.pending;
      });
      const gone = aborted(signal).then(() => Promise.reject(signal.reason));
      return Promise.race([entry.pending, gone]);
    },
  };
}

export function usageBetween(before: Summary, after: Summary): NodeUsage {
  const earlier = new Map(before.pods.flatMap((pod) => pod.containers.map((one) => [keyOf(pod, one), one])));
  const pods = after.pods.map((pod): [string, Map<string, Usage>] => {
    const containers = pod.containers.flatMap((container): [string, Usage][] => {
      const start = earlier.get(keyOf(pod, container)) ?? birthOf(container);
      const usage = start && rate(start, container);
      return usage ? [[container.name, usage]] : [];
    });
    return [`${pod.namespace}/${pod.name}`, new Map(containers)];
  });
  const node = before.node && after.node && rate(before.node, after.node);
  return { ...(node ? { node } : {}), pods: new Map(pods) };
}

/** A container that was started again counts from nothing. */
const keyOf = ({ uid }: PodReading, { name, started }: ContainerReading) => `${uid}/${name}/${started ?? ""}`;

/** A container that was not there before has used nothing when it started. */
function birthOf({ started }: ContainerReading): Reading | undefined {
  return started === undefined ? undefined : { time: started, cpu: 0, memory: 0 };
}

function rate(from: Reading, to: Reading): Usage | undefined {
  const window = to.time - from.time;
  if (window <= 0 || to.cpu < from.cpu) return undefined;
  return { time: to.time, window, cpu: ((to.cpu - from.cpu) / window) * 1000, memory: to.memory };
}
