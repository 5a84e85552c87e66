// Reports of a node: its WorkflowTaskResult, made when the step starts and completed when it is over.
import { type Outputs, WorkflowTaskResults } from "@capstan/api/kinds/workflow";
import { isReason } from "@capstan/api/meta";
import { backoff, sleep } from "@capstan/base/async";
import type { Step } from "./step.ts";

const completed = "workflows.argoproj.io/report-outputs-completed";
const tries = 8;

export interface Report {
  outputs?: Outputs;
  complete: boolean;
}

/** Writes what is known of the node. Errors that may pass are met again a few times. */
export async function report(step: Step, { outputs, complete }: Report): Promise<void> {
  const { namespace, nodeId, workflow, container } = step;
  const metadata = {
    labels: { "workflows.argoproj.io/workflow": workflow.name, [completed]: String(complete) },
    ownerReferences: [{ apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name: workflow.name, uid: workflow.uid }],
  };
  const body = { metadata, ...(outputs ? { outputs } : {}) };
  await persist(container.signal, async () => {
    try {
      await step.client.patch(WorkflowTaskResults, { namespace, name: nodeId }, { type: "merge", body });
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
      await step.client.create(WorkflowTaskResults, { ...body, metadata: { ...metadata, namespace, name: nodeId } });
    }
  });
}

/** Says how far the node is. */
export async function reportProgress({ client, namespace, nodeId, container }: Step, progress: string): Promise<void> {
  const ref = { namespace, name: nodeId };
  await persist(container.signal, async () => {
    await client.patch(WorkflowTaskResults, ref, { type: "merge", body: { progress } });
  });
}

async function persist(signal: AbortSignal, write: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await write();
      return;
    } catch (error) {
      const final = isReason(error, "Forbidden", "Unauthorized", "Invalid", "BadRequest", "RequestEntityTooLarge");
      if (final || attempt + 1 >= tries || signal.aborted) throw error;
      await sleep(backoff(attempt, { base: 50, cap: 5000 }), signal);
    }
  }
}
