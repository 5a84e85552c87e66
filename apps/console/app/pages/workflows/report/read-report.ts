// The report of an evaluation, as the component `evaluate` writes it into its output parameter.
import type { NodeStatus } from "@capstan/api/kinds/workflow";

export interface ClassMetrics {
  label: string;
  precision: number;
  recall: number;
  f1: number;
  support: number;
}

export interface RocCurve {
  label: string;
  auc: number | undefined;
  /** False and true positive rates, ascending. */
  points: [number, number][];
}

export interface Report {
  rows: number | undefined;
  /** Headline numbers by name, in order. */
  headline: [name: Headline, value: number][];
  classes: ClassMetrics[];
  /** Rows are the actual classes, columns the predicted ones; labels in order. */
  confusion: { labels: string[]; counts: number[][] } | undefined;
  roc: RocCurve[];
}

export const headlines = ["accuracy", "macroF1", "auc", "logLoss", "rmse", "mae", "r2"] as const;
export type Headline = (typeof headlines)[number];

const shares = new Set<Headline>(["accuracy", "macroF1", "auc"]);

/** Few digits; a share that is not whole is never rounded to 1. */
export function formatHeadline(name: Headline, value: number): string {
  if (name === "accuracy") return value < 1 && value > 0.9995 ? "> 99.9%" : `${(value * 100).toFixed(1)}%`;
  if (!shares.has(name)) return String(Number(value.toPrecision(4)));
  return value < 1 && value >= 0.9995 ? "> 0.999" : value.toFixed(3);
}

/** The node's report; undefined when it has none or what it has is not one. */
export function reportOf(node: NodeStatus): Report | undefined {
  const text = node.outputs?.parameters?.find((parameter) => parameter.name === "report")?.value;
  if (typeof text !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? readReport(value) : undefined;
  } catch {
    // An output that is called report and is not JSON is shown among the outputs as the text it is.
    return undefined;
  }
}

export function readReport(value: Record<string, unknown>): Report | undefined {
  const headline = headlines.flatMap((name): Report["headline"] => {
    const number = value[name];
    return typeof number === "number" ? [[name, number]] : [];
  });
  if (headline.length === 0) return undefined;
  const classes = list(value.classes).filter(isRecord).map(readClass);
  const counts = list(value.confusion).map((row) => list(row).map(Number));
  return {
    rows: typeof value.rows === "number" ? value.rows : undefined,
    headline,
    classes,
    confusion: counts.length > 0 ? { labels: classes.map((c) => c.label), counts } : undefined,
    roc: list(value.roc).filter(isRecord).map(readCurve),
  };
}

function readClass(value: Record<string, unknown>): ClassMetrics {
  const { label, precision, recall, f1, support } = value;
  return {
    label: String(label),
    precision: Number(precision),
    recall: Number(recall),
    f1: Number(f1),
    support: Number(support),
  };
}

function readCurve(value: Record<string, unknown>): RocCurve {
  const points = list(value.points).map((point): [number, number] => {
    const [x, y] = list(point);
    return [Number(x), Number(y)];
  });
  return { label: String(value.label), auc: typeof value.auc === "number" ? value.auc : undefined, points };
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
