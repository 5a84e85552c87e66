// Tasks that an agent does for a workflow instead of pods of their own. Contract: argoproj.io/v1alpha1.
import type { SecretKeySelector } from "../../generated/core-v1.ts";
import type { KubeObject } from "../../meta/index.ts";
import type { Outputs } from "./artifact.ts";
import type { NodePhase } from "./status.ts";
import type { Template } from "./template.ts";

export interface HttpHeader {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef?: SecretKeySelector };
}
export interface HttpTemplate {
  url: string;
  /** Default GET. */
  method?: string;
  headers?: HttpHeader[];
  /** Default 30. */
  timeoutSeconds?: number;
  /** An expression over `request` and `response`. Default: the status is 2xx. */
  successCondition?: string;
  body?: string;
  /** base64; instead of body. */
  bodyFrom?: { bytes?: string };
  insecureSkipVerify?: boolean;
}

/** What an agent says of one task. */
export interface NodeResult {
  phase?: NodePhase;
  message?: string;
  outputs?: Outputs;
  progress?: string;
}

/** Named after its workflow; tasks and results by node ID. Has a status subresource. */
export interface WorkflowTaskSet extends KubeObject {
  spec: { tasks?: Record<string, Template> };
  status?: { nodes?: Record<string, NodeResult> };
}
