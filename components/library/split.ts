import { ComponentError, defineComponent } from "@capstan/components/contract";
import { countRows, type Database, namesOf, type Table, writeTable } from "@capstan/components/tables";
import { quoteName, quoteText } from "@capstan/components/transforms";
import { rowHash } from "./rows.ts";
import { withTables } from "./step.ts";

/** Most groups to stratify by. */
const groupLimit = 1000;

export const split = defineComponent({
  name: "split",
  version: "1.0.0",
  stage: "prepare",
  title: { en: "Split", zh: "数据拆分" },
  docs: {
    en: "Parts the rows at random into those to train on and those to test on.",
    zh: "将数据随机拆分为训练集和测试集。",
  },
  inputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  outputs: {
    train: { type: "table", title: { en: "Training rows", zh: "训练集" } },
    test: { type: "table", title: { en: "Test rows", zh: "测试集" } },
  },
  results: { sizes: { en: "Rows in each part", zh: "各部分行数" } },
  parameters: {
    ratio: {
      type: "number",
      minimum: 0,
      maximum: 1,
      exclusiveMinimum: true,
      exclusiveMaximum: true,
      default: 0.8,
      title: { en: "Training share", zh: "训练集比例" },
      docs: { en: "Share of the rows to train on.", zh: "训练集所占比例。" },
    },
    stratify: {
      type: "column",
      port: "table",
      default: "",
      title: { en: "Stratify by", zh: "分层列" },
      docs: { en: "Both parts get the same share of each of its values.", zh: "两部分中该列各取值的比例相同。" },
    },
    seed: {
      type: "integer",
      minimum: 0,
      maximum: 2_147_483_647,
      default: 42,
      title: { en: "Seed", zh: "随机种子" },
      docs: { en: "The same seed gives the same parts.", zh: "相同种子得到相同拆分。" },
    },
  },
  propagate({ table }) {
    return { outputs: { train: table, test: table }, problems: [] };
  },
  run(context) {
    return withTables(context, ["table"], async (database, { table }) => {
      const { ratio, stratify, seed } = context.parameters;
      const rows = await countRows(database, table.sql);
      const tests = Math.ceil(rows * (1 - ratio) - 1e-9);
      if (tests === 0 || tests === rows)
        throw new ComponentError(`ratio: ${rows} rows cannot be parted by ${ratio}: one part would be empty`);
      const cut = await findCut(database, table, { stratify, seed, tests });
      for (const [port, condition] of Object.entries({ train: `NOT (${cut})`, test: cut })) {
        const sql = `SELECT ${namesOf(table.columns)} FROM ${table.source} WHERE ${condition}`;
        await writeTable(database, context.output(port), sql, table);
      }
      context.log(`${rows - tests} rows to train on, ${tests} to test on`);
      await context.emit("sizes", { train: rows - tests, test: tests });
    });
  },
});

/**
 * The condition that a row is a test row: of each group those with the smallest hashes. The hash of the last one is
 * enough to say so, so that the rows themselves stay where they are.
 */
async function findCut(
  database: Database,
  table: Table,
  { stratify, seed, tests }: { stratify: string; seed: number; tests: number },
): Promise<string> {
  const hash = rowHash("file_row_number", seed);
  const group = stratify === "" ? "''" : `coalesce(${quoteName(stratify)}::VARCHAR, '')`;
  const found = await database.rows(
    `SELECT ${group} AS name, count(*) AS rows FROM ${table.source} GROUP BY name ORDER BY name LIMIT ${groupLimit + 1}`,
  );
  if (found.length > groupLimit)
    throw new ComponentError(`stratify: ${stratify} has more than ${groupLimit} values (limit groups)`);
  const groups = found.map(({ name, rows }) => ({ name: String(name), rows: Number(rows) }));
  const quotas = allot(
    groups.map((one) => one.rows),
    tests,
  );
  const cases = groups.map((one, i) => `WHEN ${quoteText(one.name)} THEN ${quotas[i]}`).join(" ");
  const ranked = `SELECT ${group} AS name, ${hash} AS hash FROM ${table.source}
    QUALIFY row_number() OVER (PARTITION BY name ORDER BY hash) = CASE name ${cases} END`;
  const last = await database.rows(`SELECT name, hash::VARCHAR AS hash FROM (${ranked})`);
  const tests_ = last.map(({ name, hash }) => `WHEN ${quoteText(String(name))} THEN ${hash}::UBIGINT`).join(" ");
  return `${hash} <= CASE ${group} ${tests_} END IS TRUE`;
}

/** Shares out `total` in proportion to the sizes: whole parts first, then one each to the largest remainders. */
export function allot(sizes: number[], total: number): number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const exact = sizes.map((size) => (size * total) / all);
  const parts = exact.map(Math.floor);
  let left = total - parts.reduce((sum, part) => sum + part, 0);
  const order = exact
    .map((share, i) => ({ i, rest: share - Math.floor(share) }))
    .sort((a, b) => b.rest - a.rest || a.i - b.i);
  for (const { i } of order) {
    if (left-- <= 0) break;
    parts[i] = (parts[i] ?? 0) + 1;
  }
  return parts;
}
