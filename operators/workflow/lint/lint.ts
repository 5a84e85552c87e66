// Looks at whole files before anything of them is stored or run: what is wrong, where, and what is dangerous.
import {
  type CronWorkflow,
  cronWorkflowSpecShape,
  type Workflow,
  type WorkflowSpec,
} from "@capstan/api/kinds/workflow";
import { nearest } from "@capstan/base/errors";
import { annotationsOf } from "../cron/child.ts";
import { readSchedule } from "../cron/schedule.ts";
import { specWithTypes, typesAnnotation } from "../parameter-types/index.ts";
import { checkShape, type GetTemplates, type Problem, validateWorkflow } from "../validate/index.ts";
import { readDocuments, type SourceDocument } from "./document.ts";
import { warningsOf } from "./warnings.ts";

export interface SourceFile {
  name: string;
  text: string;
}

export interface Finding {
  file: string;
  line: number;
  column: number;
  severity: "error" | "warning";
  /** Field path; empty where the text itself cannot be read. */
  path: string;
  message: string;
  /** Kind and name of the object it is in. */
  object: string;
}

export interface LintOptions {
  /** Unknown fields and keys that are there twice are errors. Default true. */
  strict?: boolean;
  /** Templates that are in none of the files, such as a cluster's. */
  templates?: GetTemplates;
  /** Kinds to look at; all when it is empty. */
  kinds?: string[];
}

interface Held {
  file: string;
  document: SourceDocument;
  kind: string;
  name: string;
  value: Workflow;
  /** Path before each problem's own: of an item in a List. */
  prefix: string;
}

export const lintedKinds = ["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"];

/** All that is found in the files, in their order. Kinds that are not of workflows are passed over. */
export async function lintFiles(files: SourceFile[], options: LintOptions = {}): Promise<Finding[]> {
  const { strict = true, kinds = [] } = options;
  const findings: Finding[] = [];
  const held: Held[] = [];
  for (const { name: file, text } of files) {
    const { documents, problems } = await readDocuments(text);
    for (const { line, column, message, duplicate } of problems) {
      if (!duplicate || strict) findings.push({ file, line, column, severity: "error", path: "", message, object: "" });
    }
    for (const document of documents) findings.push(...hold(file, document, document.value, "", held));
  }
  const get = templatesOf(held, options.templates);
  for (const object of held) {
    if (kinds.length > 0 && !kinds.includes(object.kind)) continue;
    findings.push(...lintObject(object, get, strict));
  }
  const order = new Map(files.map(({ name }, i) => [name, i]));
  return findings.sort(
    (a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Keeps the objects of a document that are to be looked at; answers what is no object. */
function hold(file: string, document: SourceDocument, value: unknown, prefix: string, held: Held[]): Finding[] {
  const fail = (path: string, message: string): Finding[] => [
    { file, ...document.locate(path), severity: "error", path, message, object: "" },
  ];
  if (!isRecord(value)) return fail(prefix, "a manifest is a map with apiVersion and kind");
  const { kind, apiVersion, metadata } = value;
  if (kind === "List" && Array.isArray(value.items)) {
    return value.items.flatMap((item, i) => hold(file, document, item, `${prefix}items[${i}].`, held));
  }
  if (typeof kind !== "string" || kind === "") return fail(`${prefix}kind`, "kind is required");
  const group = String(apiVersion ?? "").split("/")[0];
  if (!lintedKinds.includes(kind)) {
    const near = group === "argoproj.io" ? nearest(kind, lintedKinds) : undefined;
    return near ? fail(`${prefix}kind`, `unknown kind ${kind}; did you mean ${near}?`) : [];
  }
  if (apiVersion !== "argoproj.io/v1alpha1") return fail(`${prefix}apiVersion`, "must be argoproj.io/v1alpha1");
  const meta = isRecord(metadata) ? metadata : {};
  const name = String(meta.name ?? meta.generateName ?? "");
  const whole = { ...value, metadata: { ...meta, name: name || "workflow" } } as unknown as Workflow;
  held.push({ file, document, kind, name, value: whole, prefix });
  return [];
}

function templatesOf(held: Held[], otherwise: GetTemplates | undefined): GetTemplates {
  return (scope, name) => {
    const kind = scope === "cluster" ? "ClusterWorkflowTemplate" : "WorkflowTemplate";
    const found = held.find((object) => object.kind === kind && object.name === name);
    return specWithTypes(found?.value) ?? otherwise?.(scope, name);
  };
}

function lintObject(held: Held, get: GetTemplates, strict: boolean): Finding[] {
  const { file, document, kind, name, prefix } = held;
  const make = (severity: Finding["severity"], { path, message }: Problem): Finding => ({
    file,
    ...document.locate(prefix + path),
    severity,
    path: prefix + path,
    message,
    object: `${kind} ${name}`.trim(),
  });
  const problems = [...checkMetadata(held), ...problemsOf(held, get, strict)];
  const spec = specOf(held);
  const warnings = spec ? warningsOf(spec, kind === "CronWorkflow" ? "spec.workflowSpec" : "spec") : [];
  return [...problems.map((problem) => make("error", problem)), ...warnings.map((problem) => make("warning", problem))];
}

function specOf({ kind, value }: Held): WorkflowSpec | undefined {
  const { spec } = value as { spec?: unknown };
  const found = kind === "CronWorkflow" ? (spec as { workflowSpec?: unknown } | undefined)?.workflowSpec : spec;
  return isRecord(found) ? (found as WorkflowSpec) : undefined;
}

const nameLimits: Record<string, number> = { Workflow: 63, CronWorkflow: 52 };

function checkMetadata({ kind, value, name }: Held): Problem[] {
  const { metadata } = value as unknown as { metadata: { generateName?: string } };
  // The API has a word on that; files without a name are for those who fill it in.
  if (!name) return [];
  const limit = nameLimits[kind] ?? 253;
  const problems: Problem[] = [];
  const path = metadata.generateName ? "metadata.generateName" : "metadata.name";
  if (name.length > limit) {
    problems.push({ path, message: `must be no more than ${limit} characters, and is ${name.length}` });
  }
  if (!/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/.test(metadata.generateName ? `${name}x` : name)) {
    problems.push({ path, message: `${JSON.stringify(name)} must be of lower case letters, digits, - and .` });
  }
  return problems;
}

function problemsOf(held: Held, get: GetTemplates, strict: boolean): Problem[] {
  const { kind, value } = held;
  if (!isRecord(value.spec)) return [{ path: "spec", message: "is required" }];
  const options = { missingValues: true, unknownFields: !strict };
  if (kind === "Workflow") return validateWorkflow(value, get, undefined, options);
  if (kind !== "CronWorkflow") return validateWorkflow(value, get, undefined, { ...options, template: true });
  return cronProblems(value as unknown as CronWorkflow, get, strict);
}

/** Where in a CronWorkflow something of its workflow stands. */
function cronPath(path: string, own: Record<string, string> | undefined): string {
  if (path.startsWith("metadata.") && own?.[typesAnnotation] !== undefined)
    return `spec.workflowMetadata${path.slice(8)}`;
  return path.replace(/^spec\b/, "spec.workflowSpec");
}

function cronProblems(cron: CronWorkflow, get: GetTemplates, strict: boolean): Problem[] {
  const shape: Problem[] = [];
  checkShape(cron.spec, cronWorkflowSpecShape, "spec", shape);
  const wrong = strict ? shape : shape.filter(({ unknown }) => !unknown);
  if (wrong.length > 0) return wrong;
  const problems: Problem[] = [];
  const { schedule, schedules, timezone, startingDeadlineSeconds, workflowSpec, workflowMetadata } = cron.spec;
  const all: [path: string, text: string][] = [
    ...(schedule ? ([["spec.schedule", schedule]] as [string, string][]) : []),
    ...(schedules ?? []).map((text, i): [string, string] => [`spec.schedules[${i}]`, text]),
  ];
  if (all.length === 0) problems.push({ path: "spec.schedules", message: "at least one schedule is required" });
  for (const [path, text] of all) {
    try {
      readSchedule(text, timezone);
    } catch (error) {
      problems.push({ path, message: (error as Error).message });
    }
  }
  if ((startingDeadlineSeconds ?? 0) < 0) {
    problems.push({ path: "spec.startingDeadlineSeconds", message: "must not be negative" });
  }
  const annotations = annotationsOf(cron);
  const workflow = {
    metadata: { ...workflowMetadata, annotations, name: cron.metadata.name },
    spec: workflowSpec,
  } as Workflow;
  const inner = validateWorkflow(workflow, get, undefined, { unknownFields: !strict });
  return [
    ...problems,
    ...inner.map((problem) => ({ ...problem, path: cronPath(problem.path, workflowMetadata?.annotations) })),
  ];
}
