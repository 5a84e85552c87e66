import type { Column } from "@capstan/components/contract";

/**
 * One fitted step of preprocessing. Numbers are float32 from the first step on, and each step's arithmetic is one
 * rounding an operation, so that SQL and ONNX give the same bits.
 */
export type Step =
  | { op: "rename"; column: string; to: string }
  /** Missing becomes `fill`. `indicator` names a new column: 1 where it was missing, else 0. */
  | { op: "impute"; column: string; fill: number | string; indicator?: string }
  /** In place of the column, one column of 0 and 1 for each category; all 0 for missing and unseen values. */
  | { op: "one-hot"; column: string; categories: string[]; outputs: string[] }
  /** (x − offset) · factor. */
  | { op: "scale"; column: string; offset: number; factor: number }
  /** sign(x) · ln(1 + |x|). */
  | { op: "log"; column: string };

/** All that was done to a table's columns since it was read. */
export interface Chain {
  /** The columns as they were read: what a caller of the model gives. */
  source: Column[];
  steps: Step[];
}

/** The steps and source columns that `wanted` columns at the chain's end depend on. */
export function pruneChain(chain: Chain, wanted: readonly string[]): Chain {
  const needed = new Set(wanted);
  const steps: Step[] = [];
  for (const step of chain.steps.toReversed()) {
    const made = madeBy(step);
    if (!made.some((name) => needed.has(name))) continue;
    for (const name of made) needed.delete(name);
    needed.add(step.column);
    steps.unshift(step);
  }
  return { source: chain.source.filter((column) => needed.has(column.name)), steps };
}

function madeBy(step: Step): string[] {
  switch (step.op) {
    case "rename":
      return [step.to];
    case "one-hot":
      return step.outputs;
    case "impute":
      return step.indicator === undefined ? [step.column] : [step.column, step.indicator];
    default:
      return [step.column];
  }
}

/** The columns after a step. */
export function columnsAfter(columns: Column[], step: Step): Column[] {
  return columns.flatMap((column): Column[] => {
    if (column.name !== step.column) return [column];
    switch (step.op) {
      case "rename":
        return [{ ...column, name: step.to }];
      case "one-hot":
        return step.outputs.map((name) => ({ name, type: "number", role: column.role }));
      case "impute":
        return [
          typeof step.fill === "number" ? { ...column, type: "number" } : column,
          ...(step.indicator === undefined
            ? []
            : [{ name: step.indicator, type: "number", role: column.role } as const]),
        ];
      default:
        return [{ ...column, type: "number" }];
    }
  });
}

/**
 * The steps of `whole` that a table which went through `part` still lacks.
 * Undefined when the table went another way: the model does not fit it.
 */
export function stepsAfter(whole: Chain, part: Chain): Step[] | undefined {
  const same = part.steps.every((step, i) => JSON.stringify(step) === JSON.stringify(whole.steps[i]));
  return same ? whole.steps.slice(part.steps.length) : undefined;
}
