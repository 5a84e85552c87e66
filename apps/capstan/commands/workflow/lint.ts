import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ClusterWorkflowTemplate } from "@capstan/api/kinds/workflow";
import { fetchTemplates, type GetTemplates } from "@capstan/operators/workflow";
import { lintedKinds, lintFiles, lintFormats, printFindings, type SourceFile } from "@capstan/operators/workflow/lint";
import { parse, UsageError } from "../usage.ts";
import { commonFlags, commonHelp, print, type Verb, withCluster } from "./call.ts";
import { readText } from "./text.ts";

const help = `Usage: capstan workflow lint FILE|DIRECTORY... [options]
       capstan workflow lint - < FILE

Looks at Workflows, WorkflowTemplates, ClusterWorkflowTemplates and CronWorkflows before they are stored or run: unknown
fields, wrong types, references that lead nowhere, values outside of an enum or a type, cycles, schedules. Each finding has its
line and its path. Templates are found in all files that are given, and in the cluster with --online.

Options:
  --online            look for templates in the cluster too
  --strict=false      do not mind unknown fields and keys that are there twice
  --kinds KIND,…      ${lintedKinds.join(", ")} (default: all)
  --fail-on-warning   end with 1 for warnings, such as values that become part of a shell's program
  -o, --output FORMAT ${lintFormats.join(", ")} (default: pretty)
${commonHelp}

Ends with 1 when there are errors.

Try:
  capstan workflow lint examples/ -o simple
  capstan workflow lint pipeline.yaml -o github   # in a GitHub action`;

const flags = {
  ...commonFlags,
  online: { type: "boolean", default: false },
  offline: { type: "boolean", default: false },
  strict: { type: "string", default: "true" },
  kinds: { type: "string" },
  "fail-on-warning": { type: "boolean", default: false },
  output: { type: "string", short: "o", default: "pretty" },
} as const;

async function lint(args: string[]): Promise<number> {
  // --strict alone is --strict=true, as elsewhere.
  const given = args.map((arg) => (arg === "--strict" ? "--strict=true" : arg));
  const { values, positionals } = parse("workflow lint", given, flags, ["FILE..."]);
  const format = lintFormats.find((name) => name === values.output);
  if (!format) throw new UsageError("workflow lint", `-o is one of ${lintFormats.join(", ")}, not "${values.output}"`);
  if (values.strict !== "true" && values.strict !== "false") {
    throw new UsageError("workflow lint", `--strict is true or false, not "${values.strict}"`);
  }
  const kinds = (values.kinds ?? "")
    .split(",")
    .filter((name) => name && name !== "all")
    .map(kindNamed);
  const files: SourceFile[] = [];
  for (const path of positionals) files.push(...(await readFiles(path)));
  if (files.length === 0) throw new Error(`there is no .yaml, .yml or .json file in ${positionals.join(", ")}`);
  const options = { strict: values.strict === "true", kinds };
  let code = 0;
  const components = await componentTemplates(files);
  const run = async (online?: GetTemplates) => {
    const templates: GetTemplates = (scope, name) => online?.(scope, name) ?? components(scope, name);
    const findings = await lintFiles(files, { ...options, templates });
    const text = printFindings(findings, format, files.length);
    if (text) print(text);
    if (findings.some(({ severity }) => severity === "error" || values["fail-on-warning"])) code = 1;
    return code;
  };
  if (!values.online || values.offline) return run();
  return withCluster(values, async ({ client, namespace }) => run(await fetchTemplates(client, namespace)));
}

/** Kinds by their names or the API's plural ones. */
function kindNamed(text: string): string {
  const name = text.trim().toLowerCase();
  const kind = lintedKinds.find((candidate) => [candidate.toLowerCase(), `${candidate.toLowerCase()}s`].includes(name));
  if (!kind) throw new UsageError("workflow lint", `--kinds takes ${lintedKinds.join(", ")}, not "${text}"`);
  return kind;
}

async function readFiles(path: string): Promise<SourceFile[]> {
  if (path === "-") return [{ name: "-", text: await readText("-") }];
  if (!statSync(path).isDirectory()) return [{ name: path, text: readFileSync(path, "utf8") }];
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(ya?ml|json)$/i.test(name),
  );
  return names.sort().map((name) => ({ name: join(path, name), text: readFileSync(join(path, name), "utf8") }));
}

/** The platform's own components, where a file names them: they are in every cluster that it runs on. */
async function componentTemplates(files: SourceFile[]): Promise<GetTemplates> {
  if (!files.some(({ text }) => text.includes("capstan-components"))) return () => undefined;
  const { toTemplates } = await import("@capstan/components/contract");
  const { catalogue } = await import("@capstan/components/library");
  const { metadata, spec } = toTemplates(catalogue.values()) as unknown as ClusterWorkflowTemplate;
  return (scope, name) => (scope === "cluster" && name === metadata.name ? spec : undefined);
}

export const verb: Verb = { help, run: lint };
