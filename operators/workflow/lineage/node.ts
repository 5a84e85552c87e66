import type { LineageArtifact } from "@capstan/api/kinds/records";
import type { Artifact, NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import type { LineageNode } from "@capstan/core/records";
import { anyText, isOver } from "../engine/index.ts";
import { digestOf, locationOf } from "./location.ts";

/** What a step read and made; undefined while it runs, and for steps that have to do with no artifact. */
export function lineageOf(workflow: Workflow, node: NodeStatus): LineageNode | undefined {
  const reused = node.memoizationStatus?.hit === true;
  if (!isOver(node) || (node.type !== "Pod" && !reused)) return undefined;
  const inputs = artifactsOf(node.inputs?.artifacts);
  const outputs = artifactsOf(node.outputs?.artifacts?.filter((artifact) => !isLog(artifact)));
  if (inputs.length === 0 && outputs.length === 0) return undefined;
  const { metadata } = workflow;
  return {
    uid: metadata.uid ?? "",
    namespace: metadata.namespace ?? "",
    workflow: metadata.name,
    node: node.id,
    name: node.name,
    template: node.templateRef?.template ?? node.templateName ?? "",
    phase: node.phase ?? "",
    finishedAt: new Date(node.finishedAt ? Date.parse(node.finishedAt) : 0).toISOString(),
    reused,
    parameters: Object.fromEntries(
      (node.inputs?.parameters ?? []).map(({ name, value }) => [name, value === undefined ? "" : anyText(value)]),
    ),
    inputs,
    outputs,
  };
}

/** All steps of a workflow. */
export function lineageOfWorkflow(workflow: Workflow): LineageNode[] {
  return Object.values(workflow.status?.nodes ?? {}).flatMap((node) => lineageOf(workflow, node) ?? []);
}

/** Logs are kept beside the artifacts, under names of their own. */
const isLog = ({ name, path }: Artifact) => path === undefined && name.endsWith("-logs");

function artifactsOf(artifacts: Artifact[] | undefined): LineageArtifact[] {
  return (artifacts ?? []).flatMap((artifact) => {
    const location = locationOf(artifact);
    if (location === undefined) return [];
    return [{ name: artifact.name, artifact: digestOf(artifact)?.replace(/#.*/s, "") ?? location, location }];
  });
}
