import type { Column, ColumnType, TableSchema } from "@capstan/components/contract";
import { headOf } from "@capstan/components/library";
import { splitRecords } from "@capstan/components/tables";

export interface CsvStart {
  text: string;
  /** The text is all of the file. */
  whole: boolean;
}

export interface CsvReading {
  delimiter: string;
  header: boolean;
  /** Texts that mean a missing value. */
  nulls: readonly string[];
}

/** Records that are looked at. */
const recordLimit = 2000;

/**
 * The columns of a CSV file from its start. Types other than text are a guess, marked uncertain, unless that is all of
 * the file: the reader looks at every row.
 * @throws ComponentError when the header is refused.
 */
export function schemaOfCsv({ text, whole }: CsvStart, reading: CsvReading): TableSchema {
  const { names, delimiter } = headOf(text, whole, reading);
  const records = splitRecords(text, delimiter, whole, recordLimit).slice(reading.header ? 1 : 0);
  const complete = whole && records.length < recordLimit - 1;
  const columns = names.map((name, i): Column => {
    const values = records
      .map((record) => record[i] ?? "")
      .filter((value) => value !== "" && !reading.nulls.includes(value));
    const type = guess(values);
    return { name, type, role: "feature", ...(complete || type === "string" ? {} : { uncertain: true as const }) };
  });
  return { columns };
}

function guess(values: string[]): ColumnType {
  if (values.length === 0) return "string";
  if (values.every((value) => /^-?(0|[1-9]\d{0,17})$/.test(value))) return "integer";
  if (values.every((value) => !/^0\d/.test(value) && value.trim() !== "" && Number.isFinite(Number(value))))
    return "number";
  return values.every((value) => /^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$/.test(value))
    ? "timestamp"
    : "string";
}
