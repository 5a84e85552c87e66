// The first record of a CSV file (RFC 4180), read without a database: enough to know the columns before a run.
import { ComponentError } from "@capstan/components/contract";

/** Longest header, in bytes. */
export const headerLimit = 1_048_576;
/** Most columns of a table. */
export const columnLimit = 10_000;

export const delimiters = { comma: ",", semicolon: ";", tab: "\t", pipe: "|" } as const;

/** Fields of each complete record in `text`; a last one without line end counts when `whole`. */
export function splitRecords(
  text: string,
  delimiter: string,
  whole: boolean,
  limit = Number.POSITIVE_INFINITY,
): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let field = "";
  let quoted = false;
  const closeRecord = () => {
    record.push(field);
    field = "";
    if (record.length > 1 || record[0] !== "") records.push(record);
    record = [];
  };
  for (let i = 0; i < text.length && records.length < limit; i++) {
    const char = text[i] as string;
    if (quoted) {
      if (char !== '"') field += char;
      else if (text[i + 1] === '"') field += text[++i];
      else quoted = false;
    } else if (char === '"' && field === "") quoted = true;
    else if (char === delimiter) {
      record.push(field);
      field = "";
    } else if (char === "\n" || char === "\r") {
      if (char === "\r" && text[i + 1] === "\n") i++;
      closeRecord();
    } else field += char;
  }
  if (whole && records.length < limit && (record.length > 0 || field !== "")) closeRecord();
  return records;
}

/** The delimiter that parts the first record into most fields; comma when none does. */
export function guessDelimiter(text: string, whole: boolean): string {
  let best = { delimiter: ",", fields: 1 };
  for (const delimiter of Object.values(delimiters)) {
    const fields = splitRecords(text, delimiter, whole, 1)[0]?.length ?? 0;
    if (fields > best.fields) best = { delimiter, fields };
  }
  return best.delimiter;
}

/** Column names of the first record: they must be there, and differ. */
export function headerNames(first: string[] | undefined, hasHeader: boolean): string[] {
  if (!first) throw new ComponentError("the file is empty: it has no header line");
  if (first.length > columnLimit) throw new ComponentError(`line 1: more than ${columnLimit} columns (limit columns)`);
  if (!hasHeader) return first.map((_, i) => `column${i + 1}`);
  const names = first.map((name, i) => (i === 0 ? name.replace(/^\uFEFF/, "") : name).trim());
  names.forEach((name, i) => {
    if (name === "") throw new ComponentError(`line 1: column ${i + 1} has no name`);
    if (names.indexOf(name) !== i) throw new ComponentError(`line 1: two columns are named ${JSON.stringify(name)}`);
  });
  return names;
}

/** Line on which record `count` (from 1) begins: quoted fields may hold line ends. */
export async function lineOfRecord(chunks: AsyncIterable<string | Buffer>, count: number): Promise<number> {
  let line = 1;
  let record = 1;
  let quoted = false;
  for await (const chunk of chunks) {
    for (const char of chunk.toString()) {
      if (record === count) return line;
      if (char === '"') quoted = !quoted;
      if (char !== "\n") continue;
      line++;
      if (!quoted) record++;
    }
  }
  return line;
}
