// Which artifacts are to be deleted, and when. Source: argo-workflows docs/walk-through/artifacts.md, "Artifact Garbage Collection".
import {
  type Artifact,
  type ArtifactGCStrategy,
  artifactGCFinalizer,
  type NodeStatus,
  type Workflow,
  type WorkflowSpec,
} from "@capstan/api/kinds/workflow";
import type { Run } from "./run.ts";

/** An artifact's own strategy, else the workflow's. */
export function strategyOf(artifact: Artifact, spec: WorkflowSpec): ArtifactGCStrategy {
  return artifact.artifactGC?.strategy || spec.artifactGC?.strategy || "Never";
}

const isCollected = (artifact: Artifact, spec: WorkflowSpec) => strategyOf(artifact, spec) !== "Never";

/** Keeps a workflow whose artifacts are to be deleted until they are. Asked before it makes any. */
export function guardArtifacts(run: Run): void {
  const templates = [...(run.spec.templates ?? []), ...Object.values(run.status.storedTemplates ?? {})];
  const declared = templates.flatMap(({ outputs }) => outputs?.artifacts ?? []);
  if (declared.some((artifact) => isCollected(artifact, run.spec))) guard(run);
  else run.status.artifactGCStatus = { notSpecified: true };
}

/** The same for what a node reports: templates of other objects are known only when they are used. */
export function guardReported(run: Run, artifacts: Artifact[]): void {
  if (artifacts.some((artifact) => isCollected(artifact, run.spec))) guard(run);
}

function guard(run: Run): void {
  const { metadata } = run.workflow;
  if (metadata.finalizers?.includes(artifactGCFinalizer)) return;
  metadata.finalizers = [...(metadata.finalizers ?? []), artifactGCFinalizer];
  const { notSpecified: _, ...known } = run.status.artifactGCStatus ?? {};
  run.status.artifactGCStatus = known;
  run.changed = true;
}

export interface Kept {
  node: NodeStatus;
  artifact: Artifact;
}

/** Artifacts of the workflow's own steps that are to be deleted and are still there. What was reused belongs to others. */
export function collectable(workflow: Workflow): Kept[] {
  const spec = workflow.status?.storedWorkflowTemplateSpec ?? workflow.spec;
  return Object.values(workflow.status?.nodes ?? {}).flatMap((node) =>
    node.type !== "Pod" || node.memoizationStatus?.hit
      ? []
      : (node.outputs?.artifacts ?? [])
          .filter((artifact) => !artifact.deleted && isCollected(artifact, spec))
          .map((artifact) => ({ node, artifact })),
  );
}
