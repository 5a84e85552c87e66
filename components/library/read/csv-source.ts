import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { ComponentError } from "@capstan/components/contract";
import {
  type Database,
  delimiters,
  guessDelimiter,
  headerLimit,
  headerNames,
  lineOfRecord,
  splitRecords,
} from "@capstan/components/tables";
import { quoteName, quoteText } from "@capstan/components/transforms";
import type { SourceOptions } from "./source.ts";
import { stagedTable } from "./types.ts";

export interface CsvHead {
  names: string[];
  delimiter: string;
}

/** Column names and delimiter, from the start of the file. */
export async function readHead(path: string, options: Pick<SourceOptions, "delimiter" | "header">): Promise<CsvHead> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headerLimit), 0, headerLimit, 0);
  return headOf(buffer.toString("utf8", 0, bytesRead), bytesRead < headerLimit, options);
}

export function headOf(text: string, whole: boolean, options: Pick<SourceOptions, "delimiter" | "header">): CsvHead {
  const named = delimiters[options.delimiter as keyof typeof delimiters];
  const delimiter = named ?? guessDelimiter(text, whole);
  const [first] = splitRecords(text, delimiter, whole, 1);
  if (!first && !whole) throw new ComponentError(`line 1 is longer than ${headerLimit} bytes (limit header)`);
  return { names: headerNames(first, options.header), delimiter };
}

/** Loads the file as text into the staging table; answers the columns' names. */
export async function stageCsv(database: Database, path: string, options: SourceOptions): Promise<string[]> {
  const { names, delimiter } = await readHead(path, options);
  const columns = names.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(", ");
  const settings = [
    "auto_detect = false",
    "strict_mode = true",
    `header = ${options.header}`,
    `delim = ${quoteText(delimiter)}`,
    "quote = '\"'",
    "escape = '\"'",
    `nullstr = [${["", ...options.nulls.filter((token) => token !== "")].map(quoteText).join(", ")}]`,
    `columns = {${columns}}`,
  ];
  const list = names.map((name) => `nullif(${quoteName(name)}, '') AS ${quoteName(name)}`).join(", ");
  const sql = `CREATE TEMP TABLE ${stagedTable} AS SELECT ${list} FROM read_csv(${quoteText(path)}, ${settings.join(", ")})`;
  await database.run(sql).catch(async (error: Error) => {
    throw new ComponentError(await explain(error.message, path));
  });
  return names;
}

/** DuckDB counts records; whoever opens the file in an editor counts lines. */
async function explain(message: string, path: string): Promise<string> {
  const [first = "", original = "", ...rest] = message.split("\n");
  const record = /^(?:Invalid Input Error: )?CSV Error on Line: (\d+)/.exec(first)?.[1];
  if (record === undefined) return `the CSV file cannot be read: ${first}`;
  const line = await lineOfRecord(createReadStream(path), Number(record));
  const text = original.replace(/^Original Line: /, "").slice(0, 200);
  const reason = rest.find((part) => /Expected Number|quote|unicode|exceeds|Maximum/i.test(part)) ?? rest[0] ?? "";
  const counts = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(reason);
  const why = counts ? `${counts[2]} fields, the header has ${counts[1]}` : reason.trim().replace(/\.$/, "");
  return `line ${line} of the CSV file is broken: ${why}. The row: ${JSON.stringify(text)}`;
}
