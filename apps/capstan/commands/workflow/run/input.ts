// What the files hold: the workflows to run, and what they refer to.
import * as builtin from "@capstan/api/generated/resources";
import {
  ClusterWorkflowTemplates,
  type CronWorkflow,
  type Workflow,
  WorkflowTemplates,
} from "@capstan/api/kinds/workflow";
import { apiVersionOf, type KubeObject, type New, type Resource } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { readManifests } from "@capstan/operators/workflow";
import { fromCron } from "@capstan/operators/workflow/cron";
import { readText } from "../text.ts";

export interface Input {
  files: string[];
  /** One text for each workflow, or for the template to run. */
  workflows: string[];
  /** Templates, and what else workflows refer to; made first. */
  others: New<KubeObject>[];
}

const runnable = new Set(["Workflow", "CronWorkflow"]);
const templates = new Set(["WorkflowTemplate", "ClusterWorkflowTemplate"]);

/** @throws Error naming the file that cannot be read, or that nothing in them can run. */
export async function readInput(files: string[]): Promise<Input> {
  const objects: New<KubeObject>[] = [];
  for (const file of files) {
    try {
      objects.push(...(await readManifests(await readText(file))));
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}`);
    }
  }
  const runs = objects.filter(({ kind = "" }) => runnable.has(kind));
  const others = objects.filter((object) => !runs.includes(object));
  // A template alone is run itself.
  const alone = others.filter(({ kind = "" }) => templates.has(kind));
  if (runs.length === 0 && alone.length !== 1) {
    throw new Error(
      `${files.join(", ")}: there is no Workflow or CronWorkflow, nor one WorkflowTemplate alone, to run`,
    );
  }
  const chosen = runs.length > 0 ? runs : alone;
  return {
    files,
    workflows: chosen.map((object) => JSON.stringify(object.kind === "CronWorkflow" ? childOf(object) : object)),
    others: others.filter((object) => !chosen.includes(object)),
  };
}

/** What the CronWorkflow would start now, on its own. */
function childOf(object: New<KubeObject>): New<KubeObject> {
  const { metadata, spec } = fromCron(object as unknown as CronWorkflow, {
    at: Date.now(),
    generateName: `${object.metadata.name}-`,
  });
  const { ownerReferences: _, namespace, ...rest } = metadata;
  const own = { ...rest, ...(namespace ? { namespace } : {}) };
  return { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata: own, spec } as New<Workflow>;
}

/** Makes what workflows refer to. @throws Error for a kind that this cluster does not have, or the API's StatusError. */
export async function makeOthers(client: Client, objects: New<KubeObject>[], namespace: string): Promise<void> {
  for (const object of objects) {
    const resource = resources.find(
      (one) => one.kind === object.kind && (apiVersionOf(one) === object.apiVersion || templates.has(one.kind)),
    );
    if (!resource)
      throw new Error(`${object.apiVersion} ${object.kind} ${object.metadata.name}: a run has no such kind`);
    const metadata = resource.namespaced ? { namespace, ...object.metadata } : object.metadata;
    await client.create(resource, { ...object, metadata });
  }
}

const resources: Resource[] = [...Object.values(builtin), WorkflowTemplates, ClusterWorkflowTemplates];
