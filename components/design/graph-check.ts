// Refuses a workflow whose components ask for columns that will not be there, before anything runs.
import { open, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import type { Template, Workflow } from "@capstan/api/kinds/workflow";
import {
  ComponentError,
  checkGraph,
  componentNames,
  componentTasks,
  type Problem,
  type TableSchema,
  type WorkflowShape,
} from "@capstan/components/contract";
import { catalogue } from "@capstan/components/library";
import { orAbsent } from "@capstan/components/tables";
import { type CsvReading, schemaOfCsv } from "./csv-schema.ts";

export interface GraphCheckOptions {
  /** Directory of a namespace's artifacts; absent: the repository cannot be looked into, and names go unchecked. */
  artifacts?(namespace: string): string;
}

/** Bytes of a source file that are looked at. */
const startLimit = 1_048_576;

/** @returns a check for the workflow operator: the workflow, and the templates it can reach by `scope/name`. */
export function createGraphCheck({ artifacts }: GraphCheckOptions) {
  return async (workflow: Workflow, templates: ReadonlyMap<string, Template>): Promise<Problem[]> => {
    const root = artifacts?.(workflow.metadata.namespace ?? "default");
    const problems: Problem[] = [];
    for (const tasks of componentTasks(...shapeOf(workflow, templates))) {
      const refused: Problem[] = [];
      const found = await checkGraph(tasks, {
        definitions: catalogue,
        async readSource(artifact, component, parameters) {
          if (component !== "read-file" || !root) return undefined;
          return readHeader(root, artifact, parameters).catch((error: unknown) => {
            if (!(error instanceof ComponentError)) throw error;
            const task = tasks.find(({ inputs }) =>
              Object.values(inputs).some((source) => "artifact" in source && source.artifact === artifact),
            );
            refused.push({ path: task?.path ?? "spec", message: error.message });
            return undefined;
          });
        },
      });
      problems.push(...found, ...refused);
    }
    return problems;
  };
}

type PathOf = (name: string | undefined, index: number) => string;

/**
 * The platform's own templates are what the tasks refer to; all others may hold tasks. Those of a WorkflowTemplate are
 * named in paths, since a workflow does not know their place in it.
 */
function shapeOf(workflow: Workflow, templates: ReadonlyMap<string, Template>): [WorkflowShape, PathOf] {
  const own = workflow.spec.templates ?? [];
  const others = [...templates].filter(([key]) => !key.startsWith(`cluster/${componentNames.template}/`));
  const pathOf: PathOf = (name, index) => {
    const at = own.findIndex((template) => template === others[index]?.[1] || template.name === name);
    return `spec.templates[${at >= 0 ? at : name}]`;
  };
  const shape = { arguments: workflow.spec.arguments, templates: others.map(([, template]) => template) };
  return [shape as WorkflowShape, pathOf];
}

async function readHeader(
  root: string,
  artifact: Record<string, unknown>,
  { format = "auto", delimiter = "auto", header = true, nulls = "", path = "" }: Record<string, unknown>,
): Promise<TableSchema | undefined> {
  if (format !== "auto" && format !== "csv") return undefined;
  const start = await startOf(root, artifact, String(path));
  if (!start || (format === "auto" && isOther(start.text))) return undefined;
  const tokens = String(nulls).split(",");
  const reading: CsvReading = {
    delimiter: String(delimiter),
    header: header === true,
    nulls: tokens.map((token) => token.trim()),
  };
  return schemaOfCsv(start, reading);
}

/** Parquet and JSON: their columns are known when they are read. */
const isOther = (text: string) => text.startsWith("PAR1") || /^\s*(\{\s*["}]|\[\s*\{)/.test(text);

async function startOf(root: string, artifact: Record<string, unknown>, path: string) {
  const raw = fieldOf(artifact.raw, "data");
  if (raw !== undefined) return { text: raw, whole: true };
  const key =
    fieldOf(artifact.file, "key") ?? (fieldOf(artifact.s3, "bucket") ? undefined : fieldOf(artifact.s3, "key"));
  if (key === undefined || key.includes("{{")) return undefined;
  return readStart(root, join(key, path));
}

function fieldOf(value: unknown, name: string): string | undefined {
  const field = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof field === "string" && field !== "" ? field : undefined;
}

/** Undefined where there is no such file inside the namespace's own part: what loads artifacts says so when it runs. */
async function readStart(root: string, key: string) {
  const file = await orAbsent(realpath(join(root, key)));
  if (!file?.startsWith((await realpath(root)) + sep)) return undefined;
  if (!(await stat(file)).isFile()) return undefined;
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(startLimit), 0, startLimit, 0);
  return { text: buffer.toString("utf8", 0, bytesRead), whole: bytesRead < startLimit };
}
