// Metrics that workflows and templates give of themselves. Contract: argoproj.io/v1alpha1.

export interface PrometheusMetric {
  name: string;
  help: string;
  labels?: { key: string; value: string }[];
  when?: string;
  gauge?: { value: string; realtime?: boolean; operation?: "Set" | "Add" | "Sub" };
  counter?: { value: string };
  histogram?: { value: string; buckets: (number | string)[] };
}
export interface Metrics {
  prometheus: PrometheusMetric[];
}
