// Counters and histograms in Prometheus' text format, under TensorFlow Serving's names.

// Bounds in microseconds, each about twice the one before.
const bounds = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 5e6, 3e7];

interface Histogram {
  counts: number[];
  sum: number;
  count: number;
}

export interface Metrics {
  /** @param micros whole time of the request. */
  request(model: string, status: string, micros: number): void;
  /** @param micros time in ONNX Runtime. */
  run(model: string, micros: number): void;
  /** Text format 0.0.4. */
  render(): string;
}

export function createMetrics(): Metrics {
  const requests = new Map<string, { model: string; status: string; count: number }>();
  const latency = new Map<string, Histogram>();
  const runtime = new Map<string, Histogram>();

  const observe = (histograms: Map<string, Histogram>, model: string, micros: number) => {
    let histogram = histograms.get(model);
    if (!histogram) {
      histogram = { counts: bounds.map(() => 0), sum: 0, count: 0 };
      histograms.set(model, histogram);
    }
    histogram.sum += micros;
    histogram.count++;
    const bucket = bounds.findIndex((bound) => micros <= bound);
    if (bucket >= 0) histogram.counts[bucket] = (histogram.counts[bucket] as number) + 1;
  };

  return {
    request(model, status, micros) {
      const key = `${model} ${status}`;
      const entry = requests.get(key) ?? { model, status, count: 0 };
      entry.count++;
      requests.set(key, entry);
      observe(latency, model, micros);
    },
    run: (model, micros) => observe(runtime, model, micros),
    render() {
      const lines = ["# TYPE :tensorflow:serving:request_count counter"];
      for (const { model, status, count } of requests.values()) {
        lines.push(`:tensorflow:serving:request_count{model_name="${escapeLabel(model)}",status="${status}"} ${count}`);
      }
      lines.push(...renderHistograms(":tensorflow:serving:request_latency", latency));
      lines.push(...renderHistograms(":tensorflow:serving:runtime_latency", runtime));
      return `${lines.join("\n")}\n`;
    },
  };
}

function renderHistograms(name: string, histograms: Map<string, Histogram>): string[] {
  const lines = [`# TYPE ${name} histogram`];
  for (const [model, { counts, sum, count }] of histograms) {
    const label = `model_name="${escapeLabel(model)}"`;
    let below = 0;
    counts.forEach((inBucket, i) => {
      below += inBucket;
      lines.push(`${name}_bucket{${label},le="${bounds[i]}"} ${below}`);
    });
    lines.push(`${name}_bucket{${label},le="+Inf"} ${count}`);
    lines.push(`${name}_sum{${label}} ${sum}`, `${name}_count{${label}} ${count}`);
  }
  return lines;
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}
