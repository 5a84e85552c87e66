import { type Column, defineComponent, type Problem, type TableSchema } from "@capstan/components/contract";
import { writeTable } from "@capstan/components/tables";
import { applySteps, type Step } from "@capstan/components/transforms";
import { withTables } from "./step.ts";

export const select = defineComponent({
  name: "select",
  version: "1.0.0",
  stage: "prepare",
  title: { en: "Select columns", zh: "选择列与角色" },
  docs: {
    en: "Keeps, drops and renames columns, and says which is the label, the row's id or its weight.",
    zh: "保留、删除、重命名列,并指定标签列、标识列和权重列。",
  },
  inputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  outputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  results: {},
  parameters: {
    columns: {
      type: "columns",
      port: "table",
      default: [],
      title: { en: "Keep", zh: "保留列" },
      docs: { en: "Columns to keep; none: all.", zh: "要保留的列;留空表示全部。" },
    },
    drop: {
      type: "columns",
      port: "table",
      default: [],
      title: { en: "Drop", zh: "删除列" },
      docs: { en: "Columns to leave out.", zh: "要删除的列。" },
    },
    label: {
      type: "column",
      port: "table",
      default: "",
      title: { en: "Label", zh: "标签列" },
      docs: { en: "What a model learns to predict.", zh: "模型要预测的列。" },
    },
    id: {
      type: "columns",
      port: "table",
      default: [],
      title: { en: "Identifiers", zh: "标识列" },
      docs: { en: "Carried along, not learned from.", zh: "仅随行携带,不参与训练。" },
    },
    weight: {
      type: "column",
      port: "table",
      of: ["number", "integer"],
      default: "",
      title: { en: "Weight", zh: "权重列" },
      docs: { en: "How much a row counts in training.", zh: "训练时每行的权重。" },
    },
    rename: {
      type: "map",
      port: "table",
      title: { en: "Rename", zh: "重命名" },
      docs: { en: "New names: old=new.", zh: "新列名:旧名=新名。" },
    },
  },
  propagate({ table }, choice) {
    if (!table) return { outputs: {}, problems: [] };
    const wanted = { columns: [], drop: [], label: "", id: [], weight: "", rename: {}, ...choice };
    const columns = keep(table, wanted);
    const problems = conflicts(wanted);
    const renamed = columns.map((column) => ({ ...column, name: wanted.rename[column.name] ?? column.name }));
    problems.push(...clashes(renamed));
    if (renamed.length === 0) problems.push({ path: "drop", message: "no column would be left" });
    const families = wanted.columns.length === 0 ? table.families : [];
    return { outputs: { table: { columns: renamed, families } }, problems };
  },
  run(context) {
    return withTables(context, ["table"], async (database, { table }) => {
      const kept = keep(table, context.parameters);
      const renames = kept.flatMap(({ name }): Step[] => {
        const to = context.parameters.rename[name];
        return to === undefined || to === name ? [] : [{ op: "rename", column: name, to }];
      });
      const steps = throughFreeNames(renames, table.columns);
      const { sql, columns } = applySteps({ sql: table.sql, columns: kept }, steps);
      const chain = { source: table.chain.source, steps: [...table.chain.steps, ...steps] };
      await writeTable(database, context.output("table"), sql, { columns, chain, profile: table.profile });
      context.log(`${columns.length} of ${table.columns.length} columns`);
    });
  },
});

interface Choice {
  columns: string[];
  drop: string[];
  label: string;
  id: string[];
  weight: string;
  rename: Record<string, string>;
}

/** Columns with a role are kept even where `columns` does not name them. */
function keep(table: TableSchema, { columns, drop, label, id, weight }: Choice): Column[] {
  const roles = new Set([label, weight, ...id]);
  return table.columns
    .filter(({ name }) => (columns.length === 0 || columns.includes(name) || roles.has(name)) && !drop.includes(name))
    .map((column) => {
      const { name } = column;
      if (name === label) return { ...column, role: "label" };
      if (name === weight) return { ...column, role: "weight" };
      if (id.includes(name)) return { ...column, role: "id" };
      return label !== "" && column.role === "label" ? { ...column, role: "feature" } : column;
    });
}

function conflicts({ drop, label, id, weight }: Choice): Problem[] {
  const problems: Problem[] = [];
  for (const [path, names] of Object.entries({ label: [label], weight: [weight], id })) {
    for (const name of names) {
      if (drop.includes(name)) problems.push({ path, message: `column ${JSON.stringify(name)} is dropped too` });
    }
  }
  if (label !== "" && (label === weight || id.includes(label)))
    problems.push({ path: "label", message: `column ${JSON.stringify(label)} has two roles` });
  if (weight !== "" && id.includes(weight))
    problems.push({ path: "weight", message: `column ${JSON.stringify(weight)} has two roles` });
  return problems;
}

function clashes(columns: Column[]): Problem[] {
  const names = columns.map((column) => column.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (names.includes("")) return [{ path: "rename", message: "a new name is empty" }];
  return twice === undefined
    ? []
    : [{ path: "rename", message: `two columns would be named ${JSON.stringify(twice)}` }];
}

/** Renames may swap names: those whose new name is another column's old one go by way of a name nobody has. */
function throughFreeNames(renames: Step[], columns: Column[]): Step[] {
  const old = new Set(columns.map((column) => column.name));
  const used = new Set([...old, ...renames.map((step) => (step.op === "rename" ? step.to : step.column))]);
  const last: Step[] = [];
  const first = renames.map((step): Step => {
    if (step.op !== "rename" || !old.has(step.to)) return step;
    let between = `${step.to}~`;
    while (used.has(between)) between += "~";
    used.add(between);
    last.push({ op: "rename", column: between, to: step.to });
    return { ...step, to: between };
  });
  return [...first, ...last];
}
