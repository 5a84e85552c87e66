// What all training components ask for, and how their table becomes arrays.
import {
  type Column,
  columnOf,
  isNumeric,
  type Problem,
  type TableSchema,
  withRole,
} from "@capstan/components/contract";

export const labelParameter = {
  type: "column",
  port: "table",
  default: "",
  title: { en: "Label", zh: "标签列" },
  docs: { en: "Column to predict; none: the one with the role label.", zh: "要预测的列;留空使用角色为标签的列。" },
} as const;

export const featuresParameter = {
  type: "columns",
  port: "table",
  of: ["number", "integer"],
  default: [],
  title: { en: "Features", zh: "特征列" },
  docs: { en: "Columns to learn from; none: all features.", zh: "参与训练的列;留空表示全部特征。" },
} as const;

export const seedParameter = {
  type: "integer",
  minimum: 0,
  maximum: 2_147_483_647,
  default: 42,
  title: { en: "Seed", zh: "随机种子" },
  docs: { en: "The same seed gives the same model.", zh: "相同种子得到相同模型。" },
} as const;

interface Choice {
  label: string;
  features: readonly string[];
}

export function labelOf(table: TableSchema, { label }: Choice): Column | undefined {
  return label === "" ? withRole(table, "label")[0] : columnOf(table, label);
}

/** Features in the table's order, whatever order they were named in. */
export function featuresOf(table: TableSchema, choice: Choice): Column[] {
  const label = labelOf(table, choice)?.name;
  const named = choice.features.length > 0;
  return table.columns.filter(({ name, role }) => {
    return name !== label && (named ? choice.features.includes(name) : role === "feature");
  });
}

export function trainingProblems(table: TableSchema, choice: Choice): Problem[] {
  const label = labelOf(table, choice);
  if (!label) {
    const message =
      "which column is to be predicted? Name it here, or give it the role label with the component select";
    return [{ path: "label", message }];
  }
  const problems: Problem[] = [];
  if (choice.features.includes(label.name))
    problems.push({ path: "features", message: `column ${JSON.stringify(label.name)} is the label` });
  const features = featuresOf(table, choice);
  for (const column of features.filter((column) => !isNumeric(column))) {
    const advice = column.type === "string" ? "encode it with one-hot, or drop it" : "drop it, or give it the role id";
    problems.push({
      path: "features",
      message: `column ${JSON.stringify(column.name)} is of type ${column.type}: ${advice}`,
    });
  }
  if (features.length === 0 && !table.families?.length)
    problems.push({ path: "features", message: "there is no feature" });
  return problems;
}
