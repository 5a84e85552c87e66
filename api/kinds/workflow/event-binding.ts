// What starts workflows when an event comes in. Contract: argoproj.io/v1alpha1.
import type { ObjectMeta } from "../../generated/meta-v1.ts";
import type { KubeObject } from "../../meta/index.ts";
import type { Arguments } from "./artifact.ts";

export interface WorkflowEventBinding extends KubeObject {
  spec: {
    /** An expression over payload, metadata, namespace and discriminator. */
    event: { selector: string };
    submit?: {
      workflowTemplateRef: { name?: string; clusterScope?: boolean };
      /** Values are expressions that give texts. */
      metadata?: Partial<ObjectMeta>;
      arguments?: Arguments;
    };
  };
}
