import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { defineComponent } from "@capstan/components/contract";
import { creditColumns, creditCsv } from "./sample/credit.ts";

export const sampleData = defineComponent({
  name: "sample-data",
  version: "1.0.0",
  stage: "source",
  title: { en: "Sample data", zh: "示例数据" },
  docs: {
    en: "Makes a table of loan applications, as large as wanted, with gaps as real ones have them. For trying things out.",
    zh: "生成任意行数的模拟贷款申请数据(含缺失值),用于试验。",
  },
  inputs: {},
  outputs: { file: { type: "file", title: { en: "CSV file", zh: "CSV 文件" } } },
  results: {},
  parameters: {
    rows: {
      type: "integer",
      minimum: 1,
      maximum: 20_000_000,
      default: 10_000,
      title: { en: "Rows", zh: "行数" },
      docs: { en: "Rows to make.", zh: "生成的行数。" },
    },
    seed: {
      type: "integer",
      minimum: 0,
      maximum: 2_147_483_647,
      default: 42,
      title: { en: "Seed", zh: "随机种子" },
      docs: { en: "The same seed gives the same rows.", zh: "相同种子得到相同数据。" },
    },
  },
  propagate() {
    return { outputs: { file: { columns: creditColumns } }, problems: [] };
  },
  async run(context) {
    const { rows, seed } = context.parameters;
    await pipeline(Readable.from(creditCsv(rows, seed)), createWriteStream(context.output("file")), {
      signal: context.signal,
    });
    context.log(`${rows} rows`);
  },
});
