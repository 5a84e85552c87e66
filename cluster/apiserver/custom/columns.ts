import type { CustomResourceColumnDefinition } from "@capstan/api/generated/apiextensions-v1";
import type { KubeObject } from "@capstan/api/meta";
import { since } from "../table/age.ts";
import { type Column, nameColumn } from "../table/column.ts";
import { findAll, parsePath } from "./json-path.ts";

const types = ["string", "integer", "number", "boolean", "date"] as const;

/** Printer columns of a served version; without any the age is shown. */
export function columnsOf(definitions: CustomResourceColumnDefinition[] | undefined): Column<KubeObject>[] {
  if (!definitions?.length) {
    const description = "Time at which the object was created, by the server's clock.";
    return [
      nameColumn,
      { name: "Age", type: "date", description, cell: (object) => since(object.metadata.creationTimestamp) },
    ];
  }
  const columns = definitions.map((definition): Column<KubeObject> => {
    const steps = parsePath(definition.jsonPath);
    const type = types.find((name) => name === definition.type) ?? "string";
    return {
      name: definition.name,
      type,
      format: definition.format ?? "",
      description:
        definition.description ?? `Custom resource definition column (in JSONPath format): ${definition.jsonPath}`,
      priority: definition.priority ?? 0,
      cell: (object) => cellOf(findAll(object, steps), type),
    };
  });
  return [nameColumn, ...columns];
}

/** Source: apiextensions' tableconvertor: one value stands for itself, several of a string column are joined. */
function cellOf(found: unknown[], type: string): unknown {
  const [value] = found;
  if (value === undefined || value === null) return null;
  switch (type) {
    case "integer":
      return Number.isFinite(Number(value)) ? Math.trunc(Number(value)) : null;
    case "number":
      return Number.isFinite(Number(value)) ? Number(value) : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      return typeof value === "string" ? since(value) : null;
    default:
      return found.map((item) => (typeof item === "string" ? item : JSON.stringify(item))).join(",");
  }
}
