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
