import type { Column } from "@capstan/components/contract";
import { columnsAfter, type Step } from "./chain.ts";

/** A quoted SQL name. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A quoted SQL string. */
export function quoteText(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** A float32 constant; with an exponent, since DuckDB would else go through a decimal and round twice. */
export function floatText(value: number): string {
  const digits = String(Math.fround(value));
  return `${digits.includes("e") ? digits : `${digits}e0`}::FLOAT`;
}

export interface Query {
  sql: string;
  columns: Column[];
}

/** The query with the steps applied to what it gives, in DuckDB's SQL. */
export function applySteps(query: Query, steps: readonly Step[]): Query {
  return steps.reduce(applyStep, query);
}

function applyStep({ sql, columns }: Query, step: Step): Query {
  const list = columns.map((column) => (column.name === step.column ? expressions(step) : quoteName(column.name)));
  return { sql: `SELECT ${list.join(", ")} FROM (${sql})`, columns: columnsAfter(columns, step) };
}

function expressions(step: Step): string {
  const name = quoteName(step.column);
  const number = `${name}::FLOAT`;
  switch (step.op) {
    case "rename":
      return `${name} AS ${quoteName(step.to)}`;
    case "impute": {
      const filled =
        typeof step.fill === "number"
          ? `coalesce(${number}, ${floatText(step.fill)})`
          : `coalesce(${name}, ${quoteText(step.fill)})`;
      const flag = `(CASE WHEN ${name} IS NULL THEN 1 ELSE 0 END)::FLOAT`;
      return `${filled} AS ${name}${step.indicator === undefined ? "" : `, ${flag} AS ${quoteName(step.indicator)}`}`;
    }
    case "one-hot":
      return step.categories
        .map((category, i) => {
          const flag = `(CASE WHEN ${name} = ${quoteText(category)} THEN 1 ELSE 0 END)::FLOAT`;
          return `${flag} AS ${quoteName(step.outputs[i] as string)}`;
        })
        .join(", ");
    case "scale":
      return `((${number} - ${floatText(step.offset)})::FLOAT * ${floatText(step.factor)})::FLOAT AS ${name}`;
    case "log":
      return `(sign(${number}) * ln(1 + abs(${number}::DOUBLE)))::FLOAT AS ${name}`;
  }
}
