// Choosing rows at random, the same ones for the same seed in every release and on every machine.
import type { Database } from "@capstan/components/tables";

/** A number from 0 to 2^64 for each row, from the seed and the row's number. MD5 is fixed by its standard. */
export function rowHash(rowNumber: string, seed: number): string {
  return `md5_number_lower('${seed}:' || ${rowNumber}::VARCHAR)`;
}

/** The `count` rows with the smallest hashes, in their old order. */
export async function sampleRows(database: Database, sql: string, count: number, seed: number): Promise<string> {
  const numbered = `SELECT *, row_number() OVER () AS capstan_row FROM (${sql})`;
  await database.run(`CREATE TEMP TABLE capstan_sample AS
    SELECT * EXCLUDE (capstan_row, capstan_hash) FROM (
      SELECT *, ${rowHash("capstan_row", seed)} AS capstan_hash FROM (${numbered})
    ) QUALIFY row_number() OVER (ORDER BY capstan_hash) <= ${count} ORDER BY capstan_row`);
  return "SELECT * FROM capstan_sample";
}
