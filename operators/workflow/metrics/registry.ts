// Numbers by name and labels, in Prometheus' text format 0.0.4.

export type MetricType = "counter" | "gauge" | "histogram";

/** One observation. */
export interface Sample {
  name: string;
  help: string;
  labels: Record<string, string>;
  type: MetricType;
  value: number;
  /** What a gauge does with the value. Default: it takes it. */
  operation?: "Set" | "Add" | "Sub";
  /** Of a histogram: upper bounds, growing. */
  buckets?: number[];
  /** A gauge that counts seconds from this time on, epoch milliseconds; `value` does not count. */
  since?: number;
  /** Until then. */
  until?: number;
}

interface Series {
  labels: Record<string, string>;
  value: number;
  since?: number;
  until?: number;
  /** Observations up to each bound, then all. */
  counts: number[];
}
interface Family {
  help: string;
  type: MetricType;
  buckets: number[];
  series: Map<string, Series>;
}

/** Most series of all metrics together: labels of many values would fill the memory. */
const seriesLimit = 10_000;

export class MetricRegistry {
  readonly #families = new Map<string, Family>();
  #size = 0;

  /** Why a sample would not be taken: what a name means does not change. */
  problem({ name, help, type, labels, buckets = [] }: Sample): string | undefined {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name))
      return `metric name ${JSON.stringify(name)} is none of letters, digits and _`;
    const label = Object.keys(labels).find((key) => !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(key));
    if (label !== undefined) return `metric ${name}: label ${JSON.stringify(label)} is none of letters, digits and _`;
    if (buckets.some((bound, i) => i > 0 && bound <= (buckets[i - 1] as number)))
      return `metric ${name}: its buckets do not grow`;
    const known = this.#families.get(name);
    if (!known) return this.#isFull(undefined);
    if (known.type !== type) return `metric ${name} is a ${known.type} already, not a ${type}`;
    if (known.help !== help) return `metric ${name} has another help text already: ${known.help}`;
    if (type === "histogram" && known.buckets.join() !== buckets.join())
      return `metric ${name} has other buckets already: ${known.buckets.join(", ")}`;
    return this.#isFull(known.series.get(keyOf(labels)));
  }

  #isFull(known: Series | undefined): string | undefined {
    return known || this.#size < seriesLimit ? undefined : `there are ${seriesLimit} series of metrics (limit series)`;
  }

  /** Takes a sample; one that has a problem is left out. */
  record(sample: Sample): void {
    if (this.problem(sample) !== undefined) return;
    const { name, help, type, labels, value, buckets = [], operation } = sample;
    const family = this.#families.get(name) ?? { help, type, buckets, series: new Map<string, Series>() };
    this.#families.set(name, family);
    const key = keyOf(labels);
    let series = family.series.get(key);
    if (!series) {
      series = { labels, value: 0, counts: type === "histogram" ? new Array(buckets.length + 1).fill(0) : [] };
      family.series.set(key, series);
      this.#size++;
    }
    if (sample.since !== undefined) Object.assign(series, { since: sample.since, until: sample.until });
    else if (type === "histogram") {
      series.value += value;
      series.counts = series.counts.map((count, i) =>
        value <= (buckets[i] ?? Number.POSITIVE_INFINITY) ? count + 1 : count,
      );
    } else if (type === "counter" || operation === "Add") series.value += value;
    else if (operation === "Sub") series.value -= value;
    else series.value = value;
  }

  /** @param now epoch milliseconds. */
  text(now = Date.now()): string {
    return [...this.#families].map(([name, family]) => familyText(name, family, now)).join("");
  }
}

const keyOf = (labels: Record<string, string>) => JSON.stringify(Object.entries(labels).sort());

function familyText(name: string, { help, type, buckets, series }: Family, now: number): string {
  const lines = [`# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`, `# TYPE ${name} ${type}`];
  for (const one of series.values()) {
    if (type !== "histogram") {
      const value = one.since === undefined ? one.value : ((one.until ?? now) - one.since) / 1000;
      lines.push(`${name}${labelText(one.labels)} ${value}`);
      continue;
    }
    const bounds = [...buckets.map(String), "+Inf"];
    for (const [i, le] of bounds.entries())
      lines.push(`${name}_bucket${labelText({ ...one.labels, le })} ${one.counts[i] ?? 0}`);
    lines.push(`${name}_sum${labelText(one.labels)} ${one.value}`);
    lines.push(`${name}_count${labelText(one.labels)} ${one.counts.at(-1) ?? 0}`);
  }
  return `${lines.join("\n")}\n`;
}

function labelText(labels: Record<string, string>): string {
  const quoted = (text: string) => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${quoted(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}
