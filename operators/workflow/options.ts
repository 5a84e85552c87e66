// What the workflow operator is given.
import type { Volume } from "@capstan/api/generated/core-v1";
import type { ArtifactRepository, Template, Workflow } from "@capstan/api/kinds/workflow";
import type { Requirement } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import type { Informers } from "@capstan/core/reconcile";
import type { Records } from "@capstan/core/records";
import type { FindCommand } from "./command/index.ts";
import type { ArtifactLookup } from "./content-memos.ts";
import type { WorkflowMetrics } from "./metrics/index.ts";
import type { Problem } from "./validate/index.ts";

/** Looks at a new workflow before anything of it runs; what it finds ends the workflow. */
export type WorkflowChecker = (workflow: Workflow, templates: Map<string, Template>) => Problem[] | Promise<Problem[]>;

export interface WorkflowOperatorOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  checkers?: WorkflowChecker[];
  /** Where artifacts go when neither workflow nor namespace says. Default: the executor's directory. */
  artifacts?: ArtifactRepository;
  /** Where ConfigMaps are that all namespaces may use: artifact repositories, the controller's own. Default `argo`. */
  configNamespace?: string;
  /** Default `capstan/executor`. */
  executorImage?: string;
  /** The artifact directory, as a volume of pods. Default: their nodes have it themselves. */
  artifactVolume?: Omit<Volume, "name">;
  /** Finds the command of an image whose template says none. Default: the nodes know it. */
  findCommand?: FindCommand;
  /** Where lineage is written down. Without it there is none, and no archive. */
  records?: Records;
  /** Lets steps whose template says so (`capstan.dev/memoize: content`) reuse what they gave for the same content. */
  artifactLookup?: ArtifactLookup;
  /** Which finished workflows are archived: those that these labels select, for so many milliseconds. Absent: none. */
  archive?: { selector?: Requirement[]; ttl?: number };
  /** Counts. Absent: nobody does. */
  metrics?: WorkflowMetrics;
  /** Runs `argoexec agent`. Default: the executor's image where one is given, else `capstan/agent`. */
  agentImage?: string;
}
