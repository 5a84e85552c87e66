import { type Column, ComponentError, defineComponent } from "@capstan/components/contract";
import { likeliest, type ModelDocument, readModel } from "@capstan/components/models";
import { type Database, writeTable } from "@capstan/components/tables";
import { floatText, quoteName, quoteText } from "@capstan/components/transforms";
import { prepareTable, scoreTable } from "./score.ts";
import { withTables } from "./step.ts";

/** Rows of predictions that go to the database in one statement. */
const batch = 2048;

export const predictRows = defineComponent({
  name: "predict",
  version: "1.0.0",
  stage: "ship",
  title: { en: "Predict", zh: "批量预测" },
  docs: {
    en: "Adds a model's answers to the rows of a table: the answer, and the probability of each class.",
    zh: "为数据表的每一行添加模型预测结果及各类别概率。",
  },
  inputs: {
    model: { type: "model", title: { en: "Model", zh: "模型" } },
    table: { type: "table", title: { en: "Table", zh: "数据表" } },
  },
  outputs: { table: { type: "table", title: { en: "Table with answers", zh: "带预测结果的表" } } },
  results: {},
  parameters: {
    prefix: {
      type: "string",
      default: "predicted_",
      maxLength: 64,
      title: { en: "Prefix", zh: "列名前缀" },
      docs: { en: "Begins the names of the new columns.", zh: "新增列名的前缀。" },
    },
  },
  propagate({ table, model }, { prefix = "predicted_" }) {
    const label = model?.columns[0];
    if (!table || !label) return { outputs: {}, problems: [] };
    const answer: Column = { name: prefix + label.name, type: label.type, role: "id" };
    return {
      outputs: {
        table: { columns: [...table.columns, answer], families: [...(table.families ?? []), `${answer.name}=`] },
      },
      problems: [],
    };
  },
  run(context) {
    return withTables(context, ["table"], async (database, { table }) => {
      const model = await readModel(context.input("model"));
      const { rows, predictions } = await scoreTable(database, model, prepareTable(model, table).sql);
      const answers = answerColumns(model, context.parameters.prefix);
      const clash = answers.find(({ name }) => table.columns.some((column) => column.name === name));
      if (clash)
        throw new ComponentError(`there is a column ${JSON.stringify(clash.name)} already: take another prefix`);
      await loadAnswers(database, model, answers, rows, predictions);
      const sql = `SELECT t.*, a.* FROM (${table.sql}) t POSITIONAL JOIN (SELECT * FROM capstan_answers) a`;
      const columns = [...table.columns, ...answers];
      await writeTable(database, context.output("table"), sql, { ...table, columns });
      context.log(`${rows} rows`);
    });
  },
});

function answerColumns({ task, classes, label }: ModelDocument, prefix: string): Column[] {
  const name = prefix + label.name;
  if (task === "regression") return [{ name, type: "number", role: "id" }];
  const shares = classes.map((value): Column => ({ name: `${name}=${value}`, type: "number", role: "id" }));
  return [{ name, type: "string", role: "id" }, ...shares];
}

async function loadAnswers(
  database: Database,
  { task, classes }: ModelDocument,
  columns: Column[],
  rows: number,
  predictions: Float64Array,
): Promise<void> {
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type === "string" ? "VARCHAR" : "FLOAT"}`);
  await database.run(`CREATE TEMP TABLE capstan_answers (${list.join(", ")})`);
  const best = task === "classification" ? likeliest(predictions, classes.length) : undefined;
  const width = best ? classes.length : 1;
  for (let from = 0; from < rows; from += batch) {
    const values: string[] = [];
    for (let row = from; row < Math.min(rows, from + batch); row++) {
      const numbers = Array.from(predictions.subarray(row * width, (row + 1) * width), floatText);
      const answer = best ? [quoteText(classes[best[row] as number] as string)] : [];
      values.push(`(${[...answer, ...numbers].join(", ")})`);
    }
    await database.run(`INSERT INTO capstan_answers VALUES ${values.join(", ")}`);
  }
}
