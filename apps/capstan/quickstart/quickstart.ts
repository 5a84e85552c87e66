import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Namespaces } from "@capstan/api/generated/resources";
import { Domains } from "@capstan/api/kinds/domain";
import { type InferenceService, InferenceServices } from "@capstan/api/kinds/serving";
import { type Workflow, Workflows, type WorkflowTemplate, WorkflowTemplates } from "@capstan/api/kinds/workflow";
import type { KubeObject, New } from "@capstan/api/meta";
import { type Client, createIfAbsent, statesOf, waitFor } from "@capstan/core/client";
import { parseAllDocuments } from "yaml";
import { createNodeReport, type Progress } from "./progress.ts";

export interface QuickstartOptions {
  client: Client;
  /** The examples/ folder. */
  examples: string;
  /** Directory of a namespace's artifacts. */
  artifacts(namespace: string): string;
  /** Written when the quickstart has ended well, so that it runs once. */
  marker: string;
  progress: Progress;
  signal: AbortSignal;
}

const namespace = "quickstart";
const name = "penguins";

/** Whether an earlier start has finished it. */
export const quickstartDone = (marker: string): boolean => existsSync(marker);

/**
 * From a table to a served model: a Domain, the penguins' table, a Workflow of the canvas, an InferenceService.
 * Each step finds what an interrupted run has left and goes on from there.
 */
export async function runQuickstart(options: QuickstartOptions): Promise<void> {
  const { client, examples, marker, progress, signal } = options;
  progress.running("domain quickstart");
  await createIfAbsent(client, Domains, { metadata: { name: namespace }, spec: {} });
  await waitFor(client, Namespaces, { name: namespace }, ({ status }) => status?.phase === "Active", signal);
  progress.done("domain quickstart");
  uploadTable(join(examples, "penguins.csv"), join(options.artifacts(namespace), "datasets/penguins.csv"));
  progress.done("table datasets/penguins.csv");
  for (const manifest of readManifests<WorkflowTemplate>(join(examples, "quickstart/workflow-template.yaml"))) {
    await createIfAbsent(client, WorkflowTemplates, manifest);
  }
  await runWorkflow(options);
  await serve(options);
  writeFileSync(marker, `${JSON.stringify({ finished: new Date().toISOString() })}\n`, { flush: true });
}

/** Atomic, so that a kill leaves no half of a table. */
function uploadTable(from: string, to: string): void {
  if (existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, `${to}.part`);
  renameSync(`${to}.part`, to);
}

function readManifests<T extends KubeObject>(file: string): New<T>[] {
  return parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS({ maxAliasCount: 0 }));
}

async function runWorkflow({ client, progress, signal }: QuickstartOptions): Promise<void> {
  const ref = { namespace, name: `${name}-1` };
  await createIfAbsent<Workflow>(client, Workflows, {
    metadata: { ...ref, labels: { "workflows.argoproj.io/workflow-template": name } },
    spec: { workflowTemplateRef: { name } },
  });
  const report = createNodeReport(progress);
  for await (const workflow of statesOf(client, Workflows, ref, signal)) {
    report(workflow);
    const phase = workflow.status?.phase;
    if (phase === "Succeeded") return;
    if (phase === "Failed" || phase === "Error") {
      const message = workflow.status?.message ?? "no message";
      throw new Error(
        `the quickstart's workflow ended as ${phase}: ${message}\nSee: capstan workflow logs ${ref.name} -n ${namespace}`,
      );
    }
  }
  throw signal.reason;
}

async function serve({ client, examples }: QuickstartOptions): Promise<void> {
  for (const manifest of readManifests<InferenceService>(join(examples, "quickstart/inference-service.yaml"))) {
    await createIfAbsent(client, InferenceServices, manifest);
  }
}
