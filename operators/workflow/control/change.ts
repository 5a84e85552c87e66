// Changes to a running workflow, as one read and one write; whoever writes meanwhile makes it start again.
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef, refOf, StatusError } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { isWorkflowOver } from "../engine/phase.ts";
import { createNodeCodec, type NodeCodec } from "../nodes/index.ts";
import { resume, type SetValues, setNodes } from "./resume.ts";

/** Changes the copy that it is given; false when there is nothing to write. */
export type ApplyChange = (workflow: Workflow) => boolean | Promise<boolean>;

/** A workflow under way is written often: this many times somebody may be faster. */
const tries = 100;

/** @throws the API's StatusError, and what `apply` throws. */
export async function changeWorkflow(
  client: Client,
  ref: ObjectRef,
  apply: ApplyChange,
  codec: NodeCodec = createNodeCodec(client),
): Promise<Workflow> {
  return changeWhole(client, ref, codec, async (workflow) => ((await apply(workflow)) ? workflow : undefined));
}

/** @param next what is written in its place; undefined when nothing is. */
export async function changeWhole(
  client: Client,
  ref: ObjectRef,
  codec: NodeCodec,
  next: (workflow: Workflow) => Promise<Workflow | undefined>,
): Promise<Workflow> {
  for (let attempt = 1; ; attempt++) {
    const workflow = await codec.unpack(await client.get(Workflows, ref));
    const changed = await next(workflow);
    if (!changed) return workflow;
    try {
      return await client.update(Workflows, await codec.pack(changed));
    } catch (thrown) {
      if (!isReason(thrown, "Conflict") || attempt >= tries) throw thrown;
    }
  }
}

/** @throws StatusError BadRequest when the workflow is over. */
export function suspendWorkflow(client: Client, ref: ObjectRef): Promise<Workflow> {
  return changeWorkflow(client, ref, (workflow) => {
    if (isWorkflowOver(workflow.status?.phase)) throw refuse(workflow, "is over: it cannot be suspended");
    if (workflow.spec.suspend) return false;
    workflow.spec.suspend = true;
    return true;
  });
}

/** Lets a suspended workflow go on: all of it, or only the suspend nodes that a selector matches. */
export function resumeWorkflow(client: Client, ref: ObjectRef, nodeFieldSelector = ""): Promise<Workflow> {
  if (nodeFieldSelector) return setNode(client, ref, nodeFieldSelector, { phase: "Succeeded" });
  return changeWorkflow(client, ref, (workflow) => resume(workflow, Date.now()));
}

/** Gives waiting suspend nodes a phase, a message, or the values of their supplied outputs. */
export function setNode(
  client: Client,
  ref: ObjectRef,
  nodeFieldSelector: string,
  values: SetValues,
): Promise<Workflow> {
  return changeWorkflow(client, ref, (workflow) => {
    setNodes(workflow, nodeFieldSelector, values, Date.now());
    return true;
  });
}

/** Stop lets exit handlers run, Terminate does not. @throws StatusError BadRequest when the workflow is over. */
export async function shutDownWorkflow(client: Client, ref: ObjectRef, how: "Stop" | "Terminate"): Promise<Workflow> {
  const workflow = await client.get(Workflows, ref);
  if (isWorkflowOver(workflow.status?.phase)) throw refuse(workflow, "is over: it cannot be shut down");
  return client.patch(Workflows, refOf(workflow), { type: "merge", body: { spec: { shutdown: how } } });
}

function refuse({ metadata }: Workflow, what: string): StatusError {
  return new StatusError("BadRequest", `workflow ${metadata.namespace}/${metadata.name} ${what}`);
}
