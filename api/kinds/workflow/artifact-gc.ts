// What is to be deleted of a workflow's artifacts, and how that ended. Contract: argoproj.io/v1alpha1.
import type { KubeObject } from "../../meta/index.ts";
import type { Artifact, ArtifactLocation } from "./artifact.ts";

export interface ArtifactResult {
  name: string;
  success?: boolean;
  error?: string;
}
export interface WorkflowArtifactGCTask extends KubeObject {
  spec: {
    /** By node ID, then by the artifact's name. */
    artifactsByNode?: Record<string, { archiveLocation?: ArtifactLocation; artifacts?: Record<string, Artifact> }>;
  };
  status?: {
    artifactResultsByNode?: Record<string, { artifactResults?: Record<string, ArtifactResult> }>;
  };
}

export const artifactGCFinalizer = "workflows.argoproj.io/artifact-gc";
/** Label of the tasks of one pod, whose environment has the same value. */
export const artifactGCPodLabel = "workflows.argoproj.io/artifact-gc-pod";
export const artifactGCPodVariable = "ARGO_ARTIFACT_POD_NAME";
