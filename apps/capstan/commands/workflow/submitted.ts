import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { type KubeObject, type New, type ObjectRef, refOf } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { readManifests } from "@capstan/operators/workflow";

/** The newest workflow that was made from a manifest: by its name, its generateName, or its template. */
export async function findSubmitted(
  client: Client,
  text: string,
  file: string,
  namespace: string | undefined,
): Promise<ObjectRef> {
  const objects = await readManifests(text);
  const source =
    objects.find(({ kind }) => kind === "Workflow") ?? objects.find(({ kind = "" }) => kind in templateLabels);
  if (!source) throw new Error(`${file} holds neither a Workflow nor a template of one`);
  const place = namespace ?? source.metadata.namespace ?? "default";
  const { items } = await client.list(Workflows, { namespace: place });
  const made = items.filter((item) => isFrom(item, source));
  const newest = made.sort((a, b) => ageOf(b).localeCompare(ageOf(a)))[0];
  if (!newest)
    throw new Error(`no workflow of ${file} is in namespace ${place}; start one with: capstan workflow submit ${file}`);
  return refOf(newest);
}

const templateLabels: Record<string, string> = {
  WorkflowTemplate: "workflows.argoproj.io/workflow-template",
  ClusterWorkflowTemplate: "workflows.argoproj.io/cluster-workflow-template",
};

function isFrom({ metadata }: Workflow, source: New<KubeObject>): boolean {
  const { name, generateName } = source.metadata;
  const label = templateLabels[source.kind ?? ""];
  if (label) return metadata.labels?.[label] === name;
  return name ? metadata.name === name : generateName !== undefined && metadata.name.startsWith(generateName);
}

const ageOf = ({ metadata }: Workflow) => metadata.creationTimestamp ?? "";
