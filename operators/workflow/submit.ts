// What the command line does with workflows. Everything goes through the API, with the caller's rights.
import {
  type ClusterWorkflowTemplate,
  ClusterWorkflowTemplates,
  CronWorkflows,
  type Parameter,
  type Workflow,
  type WorkflowSpec,
  Workflows,
  type WorkflowTemplate,
  WorkflowTemplates,
} from "@capstan/api/kinds/workflow";
import { type KubeObject, type New, StatusError } from "@capstan/api/meta";
import { nearest } from "@capstan/base/errors";
import type { Client } from "@capstan/core/client";
import { fromCron } from "./cron/child.ts";
import { labels } from "./engine/index.ts";
import { readManifests } from "./manifest.ts";
import { specWithTypes } from "./parameter-types/index.ts";
import { type GetTemplates, type Problem, validateWorkflow } from "./validate/index.ts";

export interface SubmitOptions {
  /** Where the manifest names none. */
  namespace: string;
  /** Values over those of the manifest. */
  parameters?: Record<string, string>;
  name?: string;
  generateName?: string;
  entrypoint?: string;
  serviceAccount?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  priority?: number;
  /** `client`: nothing is asked to be made; `server`: the server checks and forgets it. */
  dryRun?: "client" | "server";
}

/** A manifest that cannot run: what is wrong in it, by path. */
export class InvalidWorkflow extends Error {
  readonly problems: Problem[];
  constructor(problems: Problem[]) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join("\n"));
    this.name = "InvalidWorkflow";
    this.problems = problems;
  }
}

/**
 * Submits every Workflow of a text; templates in it are created or replaced first. A text of one template alone submits it.
 * @throws InvalidWorkflow, or the API's StatusError.
 */
export async function submitWorkflow(client: Client, text: string, options: SubmitOptions): Promise<Workflow[]> {
  const objects = await readManifests(text);
  const workflows = objects.filter(({ kind }) => kind === "Workflow") as New<Workflow>[];
  const templates = objects.filter(({ kind }) => kind === "WorkflowTemplate" || kind === "ClusterWorkflowTemplate");
  const other = objects.find((object) => !workflows.includes(object as New<Workflow>) && !templates.includes(object));
  if (other)
    throw new Error(
      `${other.kind} cannot be submitted: a Workflow or WorkflowTemplate can, other kinds are for kubectl`,
    );
  if (objects.length === 0) throw new Error("the text holds no object");
  if (!options.dryRun) for (const template of templates) await putTemplate(client, template, options.namespace);
  if (workflows.length === 0 && templates.length === 1) workflows.push(fromTemplate(templates[0] as New<KubeObject>));
  const submitted: Workflow[] = [];
  for (const workflow of workflows) submitted.push(await submitOne(client, workflow, options));
  return submitted;
}

/** Where to submit from: the kinds as argo names them. */
const sources = {
  workflowtemplate: "WorkflowTemplate",
  wftmpl: "WorkflowTemplate",
  clusterworkflowtemplate: "ClusterWorkflowTemplate",
  cwft: "ClusterWorkflowTemplate",
  cronworkflow: "CronWorkflow",
  cronwf: "CronWorkflow",
  cwf: "CronWorkflow",
} as const;

/**
 * Submits what is there already.
 * @param from `workflowtemplate/NAME`, `clusterworkflowtemplate/NAME` or `cronwf/NAME`
 */
export async function submitFrom(client: Client, from: string, options: SubmitOptions): Promise<Workflow> {
  const [kind = "", name = ""] = from.split("/", 2);
  const source = sources[kind.toLowerCase() as keyof typeof sources];
  if (!source || !name) {
    throw new Error(
      `"${from}" cannot be submitted from: name workflowtemplate/NAME, clusterworkflowtemplate/NAME or cronwf/NAME`,
    );
  }
  const { namespace } = options;
  if (source !== "CronWorkflow") {
    return submitOne(client, fromTemplate({ kind: source, metadata: { name, namespace } }), options);
  }
  const cron = await client.get(CronWorkflows, { namespace, name });
  return submitOne(client, fromCron(cron, { generateName: `${name}-`, at: Date.now() }), options);
}

async function putTemplate(client: Client, template: New<KubeObject>, namespace: string): Promise<void> {
  const options = { fieldManager: "capstan-workflow", force: true };
  const spec = (template as New<WorkflowTemplate>).spec;
  if (template.kind === "ClusterWorkflowTemplate") {
    await client.apply(ClusterWorkflowTemplates, { ...template, spec } as New<ClusterWorkflowTemplate>, options);
    return;
  }
  const metadata = { namespace, ...template.metadata };
  await client.apply(WorkflowTemplates, { ...template, metadata, spec } as New<WorkflowTemplate>, options);
}

function fromTemplate({ kind, metadata }: New<KubeObject>): New<Workflow> {
  const name = metadata.name ?? "";
  const cluster = kind === "ClusterWorkflowTemplate";
  return {
    metadata: {
      generateName: `${name}-`,
      ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
      labels: { [cluster ? labels.clusterWorkflowTemplate : labels.workflowTemplate]: name },
    },
    spec: { workflowTemplateRef: { name, ...(cluster ? { clusterScope: true } : {}) } },
  };
}

async function submitOne(client: Client, workflow: New<Workflow>, options: SubmitOptions): Promise<Workflow> {
  const whole = withOptions(workflow, options);
  const get = await fetchTemplates(client, whole.metadata.namespace ?? "");
  whole.spec = { ...whole.spec, arguments: withParameters(whole.spec ?? {}, options.parameters ?? {}, get) };
  const named = { ...whole, metadata: { ...whole.metadata, name: whole.metadata.name ?? "workflow" } } as Workflow;
  const problems = validateWorkflow(named, get);
  if (problems.length > 0) throw new InvalidWorkflow(problems);
  if (options.dryRun === "client")
    return { ...whole, apiVersion: "argoproj.io/v1alpha1", kind: "Workflow" } as Workflow;
  return client.create(Workflows, whole, options.dryRun ? { dryRun: true } : {});
}

function withOptions(workflow: New<Workflow>, options: SubmitOptions): New<Workflow> {
  const { namespace, name, generateName, entrypoint, serviceAccount, priority } = options;
  const { metadata } = workflow;
  return {
    ...workflow,
    metadata: {
      namespace,
      ...metadata,
      ...(generateName ? { generateName } : {}),
      ...(name ? { name } : {}),
      ...(options.labels ? { labels: { ...metadata.labels, ...options.labels } } : {}),
      ...(options.annotations ? { annotations: { ...metadata.annotations, ...options.annotations } } : {}),
    },
    spec: {
      ...workflow.spec,
      ...(entrypoint ? { entrypoint } : {}),
      ...(serviceAccount ? { serviceAccountName: serviceAccount } : {}),
      ...(priority === undefined ? {} : { priority }),
    },
  };
}

/** All templates that the caller may read: a workflow names few, and names them by chains. */
export async function fetchTemplates(client: Client, namespace: string): Promise<GetTemplates> {
  const [own, cluster] = await Promise.all([
    client.list(WorkflowTemplates, { namespace }),
    client.list(ClusterWorkflowTemplates).catch((error: unknown) => {
      // Who may not read cluster templates can still run what needs none.
      if (StatusError.from(error).reason === "Forbidden") return { items: [] as ClusterWorkflowTemplate[] };
      throw error;
    }),
  ]);
  const specs = new Map<string, WorkflowSpec>([
    ...own.items.map((one): [string, WorkflowSpec] => [`namespaced/${one.metadata.name}`, specWithTypes(one)]),
    ...cluster.items.map((one): [string, WorkflowSpec] => [`cluster/${one.metadata.name}`, specWithTypes(one)]),
  ]);
  return (scope, name) => specs.get(`${scope}/${name}`);
}

/** @throws Error for a parameter that the workflow does not have, with the nearest one that it has. */
function withParameters(
  spec: WorkflowSpec,
  given: Record<string, string>,
  get: GetTemplates,
): WorkflowSpec["arguments"] {
  const ref = spec.workflowTemplateRef;
  const template = ref && get(ref.clusterScope ? "cluster" : "namespaced", ref.name ?? "");
  const known = new Set(
    [...(spec.arguments?.parameters ?? []), ...(template?.arguments?.parameters ?? [])].map(({ name }) => name),
  );
  const merged = new Map<string, Parameter>(
    (spec.arguments?.parameters ?? []).map((parameter) => [parameter.name, parameter]),
  );
  for (const [name, value] of Object.entries(given)) {
    if (!known.has(name)) {
      const near = nearest(name, known);
      throw new Error(`the workflow has no parameter ${name}${near ? `; did you mean ${near}?` : ""}`);
    }
    const { valueFrom: _, ...parameter } = merged.get(name) ?? { name };
    merged.set(name, { ...parameter, value });
  }
  return { ...spec.arguments, ...(merged.size > 0 ? { parameters: [...merged.values()] } : {}) };
}
