import { realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { ComponentError, defineComponent, type RunContext, type TableSchema } from "@capstan/components/contract";
import { countRows, openDatabase, orAbsent, writeTable } from "@capstan/components/tables";
import { profileColumns } from "./read/profile.ts";
import { formats, readSource, type SourceOptions } from "./read/source.ts";
import { sampleRows } from "./rows.ts";

/** Texts that mean a missing value, beside the empty text. */
const nullTokens = "NA, N/A, n/a, NULL, null, NaN, nan";

export const readFile = defineComponent({
  name: "read-file",
  version: "1.0.0",
  stage: "source",
  title: { en: "Read file", zh: "读取文件" },
  docs: {
    en: "Reads a CSV, Parquet or JSON file into a table and finds the types of its columns.",
    zh: "读取 CSV、Parquet 或 JSON 文件,自动识别各列类型。",
  },
  inputs: { file: { type: "file", title: { en: "File", zh: "文件" }, optional: true } },
  outputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  results: { summary: { en: "Rows and columns that were read", zh: "读取的行与列" } },
  parameters: {
    path: {
      type: "string",
      default: "",
      title: { en: "Path", zh: "路径" },
      docs: {
        en: "File inside the input when that is a folder; without an input, a path in the container.",
        zh: "输入为文件夹时其中的文件;无输入时为容器内路径。",
      },
    },
    format: {
      type: "choice",
      values: ["auto", ...formats],
      default: "auto",
      title: { en: "Format", zh: "格式" },
      docs: { en: "auto: by the file's first bytes.", zh: "auto:按文件开头的字节判断。" },
    },
    delimiter: {
      type: "choice",
      values: ["auto", "comma", "semicolon", "tab", "pipe"],
      default: "auto",
      title: { en: "Delimiter", zh: "分隔符" },
      docs: { en: "Between the fields of a CSV record.", zh: "CSV 字段之间的分隔符。" },
    },
    header: {
      type: "boolean",
      default: true,
      title: { en: "Header", zh: "表头" },
      docs: { en: "The first CSV record names the columns.", zh: "CSV 首行为列名。" },
    },
    types: {
      type: "map",
      port: "file",
      values: ["string", "number", "integer", "timestamp"],
      title: { en: "Types", zh: "类型" },
      docs: {
        en: "Types of columns that should not be guessed: column=type.",
        zh: "不使用自动识别的列类型:列名=类型。",
      },
    },
    nulls: {
      type: "string",
      default: nullTokens,
      title: { en: "Null tokens", zh: "空值标记" },
      docs: { en: "Texts that mean a missing value, beside the empty one.", zh: "除空文本外表示缺失的文本。" },
    },
    sample: {
      type: "integer",
      minimum: 0,
      default: 0,
      title: { en: "Sample", zh: "抽样行数" },
      docs: { en: "Keeps this many rows, chosen at random; 0: all.", zh: "随机保留的行数;0 表示全部。" },
    },
    seed: {
      type: "integer",
      minimum: 0,
      maximum: 2_147_483_647,
      default: 42,
      title: { en: "Seed", zh: "随机种子" },
      docs: { en: "The same seed gives the same sample.", zh: "相同种子得到相同样本。" },
    },
  },
  propagate({ file }, { types = {} }) {
    if (!file) return { outputs: {}, problems: [] };
    const columns = file.columns.map((column) => ({ ...column, type: types[column.name] ?? column.type }));
    return { outputs: { table: { columns } as TableSchema }, problems: [] };
  },
  async run(context) {
    const { types, nulls, sample, seed, ...rest } = context.parameters;
    const options: SourceOptions = {
      ...rest,
      types,
      nulls: nulls.split(",").map((token) => token.trim()),
    };
    using database = await openDatabase({ scratch: context.scratch, signal: context.signal });
    const source = await readSource(database, await pathOf(context, rest.path), options, context.log);
    context.check({ file: source });
    const sql = sample > 0 ? await sampleRows(database, source.sql, sample, seed) : source.sql;
    const profile = await profileColumns(database, sql, source.columns);
    const chain = { source: source.columns, steps: [] };
    await writeTable(database, context.output("table"), sql, { columns: source.columns, chain, profile });
    const rows = await countRows(database, sql);
    context.log(`${rows} rows, ${source.columns.length} columns`);
    await context.emit("summary", { rows, columns: source.columns.map(({ name, type }) => ({ name, type })) });
  },
});

async function pathOf(context: Pick<RunContext, "optionalInput">, path: string): Promise<string> {
  const input = context.optionalInput("file");
  if (input === undefined) {
    if (path === "") throw new ComponentError("nothing to read: connect the input file, or set the parameter path");
    return path;
  }
  if (!(await stat(input)).isDirectory()) return input;
  if (path === "") throw new ComponentError("the input is a folder: name the file in it with the parameter path");
  const root = await realpath(input);
  const file = await orAbsent(realpath(join(root, path)));
  if (!file?.startsWith(root + sep))
    throw new ComponentError(`path: the input folder has no file ${JSON.stringify(path)}`);
  return file;
}
