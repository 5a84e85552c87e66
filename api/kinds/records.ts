// The records (records.capstan.dev/v1alpha1): finished workflows, their labels, lineage and shared semaphores, as the API shows them.
import type { KubeObject, Resource } from "../meta/index.ts";
import type { Workflow } from "./workflow/spec.ts";

const records = { group: "records.capstan.dev", version: "v1alpha1", namespaced: true };

/**
 * A workflow in the archive: named by its UID, with its labels. Lists take, beside labelSelector, limit and continue, the
 * parameters of ArchiveParameters, and leave `workflow` out.
 */
export interface ArchivedWorkflow extends KubeObject {
  summary: {
    /** The workflow's name. */
    workflow: string;
    phase: string;
    /** The template that it was made from: `name`, or `cluster/name`. */
    template?: string;
    message?: string;
    progress?: string;
    startedAt: string;
    finishedAt: string;
    archivedAt: string;
  };
  workflow?: Workflow;
}
/** Of a list's query. Times are RFC 3339; `after` is inclusive, `before` is not. `*` and `?` stand for text in a pattern. */
export interface ArchiveParameters {
  name?: string;
  namePrefix?: string;
  namePattern?: string;
  /** Several are joined by commas. */
  phase?: string;
  template?: string;
  startedAfter?: string;
  startedBefore?: string;
  finishedAfter?: string;
  finishedBefore?: string;
}

/** A label that archived workflows have. Lists take `key` and then tell its values. */
export interface ArchivedLabel extends KubeObject {
  values?: string[];
}

export interface LineageArtifact {
  name: string;
  /** What it is known by: `sha256:…` of its content, else its location. */
  artifact: string;
  /** Where it was kept then. */
  location: string;
}
/** One step of one run. */
export interface LineageStep {
  uid: string;
  workflow: string;
  /** Node ID. */
  node: string;
  name: string;
  template: string;
  phase: string;
  finishedAt: string;
  /** It did no work: the outputs are an earlier step's. */
  reused: boolean;
  parameters: Record<string, string>;
  inputs: LineageArtifact[];
  outputs: LineageArtifact[];
}
/** A step that read or made artifacts. Lists take LineageParameters, and warn when they are cut. */
export interface Lineage extends KubeObject {
  step: LineageStep;
}
/** Either an artifact, by digest, the beginning of one, or location; or a workflow and, of it, a node by ID or name. */
export interface LineageParameters {
  artifact?: string;
  workflow?: string;
  node?: string;
  /** Default `both`. */
  direction?: "up" | "down" | "both";
}

/** How many hold a semaphore (`synchronization.semaphores.database.key`) at once: named by its key. */
export interface SemaphoreLimit extends KubeObject {
  spec: { limit: number };
}

export const ArchivedWorkflows: Resource<ArchivedWorkflow> = {
  ...records,
  resource: "archivedworkflows",
  kind: "ArchivedWorkflow",
};
export const ArchivedLabels: Resource<ArchivedLabel> = {
  ...records,
  resource: "archivedlabels",
  kind: "ArchivedLabel",
};
export const Lineages: Resource<Lineage> = { ...records, resource: "lineages", kind: "Lineage" };
export const SemaphoreLimits: Resource<SemaphoreLimit> = {
  ...records,
  resource: "semaphorelimits",
  kind: "SemaphoreLimit",
};
