import type { ComponentDefinition, PortSchemas } from "./definition.ts";
import type { Parameter } from "./parameter.ts";
import { parseParameters } from "./parse.ts";
import { type Problem, unknownName } from "./problem.ts";
import { columnOf, type TableSchema } from "./schema.ts";

export interface Checked {
  values: Record<string, unknown>;
  outputs: PortSchemas;
  problems: Problem[];
}

/** One component against what is known of its inputs: parameters first, then their columns, then its own rules. */
export function checkComponent(
  definition: ComponentDefinition,
  given: Record<string, string | undefined>,
  inputs: PortSchemas,
): Checked {
  const { values, problems } = parseParameters(definition.parameters, given);
  for (const [name, parameter] of Object.entries(definition.parameters)) {
    problems.push(...checkColumns(name, parameter, values[name], inputs));
  }
  if (problems.length > 0) return { values, outputs: {}, problems };
  return { values, ...definition.propagate(inputs, values as never) };
}

function checkColumns(name: string, parameter: Parameter, value: unknown, inputs: PortSchemas): Problem[] {
  if (value === undefined) return [];
  const named = namedColumns(parameter, value);
  const schema = named && inputs[named.port];
  if (!named || !schema) return [];
  const problems: Problem[] = [];
  for (const column of named.columns) {
    const message = refuse(schema, column, parameter);
    if (message) problems.push({ path: name, message });
  }
  return problems;
}

function namedColumns(parameter: Parameter, value: unknown): { port: string; columns: string[] } | undefined {
  switch (parameter.type) {
    case "column":
      return { port: parameter.port, columns: value === "" ? [] : [value as string] };
    case "columns":
      return { port: parameter.port, columns: value as string[] };
    case "map":
      return parameter.port === undefined ? undefined : { port: parameter.port, columns: Object.keys(value as object) };
    default:
      return undefined;
  }
}

function familiesOf({ families = [], columns }: TableSchema): string[] {
  return [...families, ...columns.filter((column) => column.uncertain).map(({ name }) => `${name}=`)];
}

function refuse(schema: TableSchema, name: string, parameter: Parameter): string | undefined {
  const column = columnOf(schema, name);
  if (!column) {
    if (familiesOf(schema).some((family) => name.startsWith(family))) return undefined;
    const known = schema.columns.map((known) => known.name);
    return unknownName("column", name, known);
  }
  const of = "of" in parameter ? parameter.of : undefined;
  if (of && !of.includes(column.type) && !(column.uncertain && of.includes("string")))
    return `column ${JSON.stringify(name)} is of type ${column.type}; needed is ${of.join(" or ")}`;
  return undefined;
}
