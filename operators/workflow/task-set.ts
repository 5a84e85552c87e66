// Writes a workflow's WorkflowTaskSet: tasks go in, and what is done comes out.
import { type Workflow, WorkflowTaskSets } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { type Effect, labels } from "./engine/index.ts";

/** Adds the tasks among some effects, all at once; makes the set when there is none. */
export async function addTasks(client: Client, workflow: Workflow, effects: Effect[]): Promise<void> {
  const tasks = Object.fromEntries(
    effects.flatMap((effect) => (effect.do === "add task" ? [[effect.id, effect.template]] : [])),
  );
  if (Object.keys(tasks).length === 0) return;
  const { namespace = "", name, uid = "" } = workflow.metadata;
  const mark = { [labels.workflow]: name, [labels.completed]: "false" };
  const body = { spec: { tasks } };
  const patch = () =>
    client.patch(
      WorkflowTaskSets,
      { namespace, name },
      { type: "merge", body: { metadata: { labels: mark }, ...body } },
    );
  try {
    await patch();
  } catch (thrown) {
    if (!isReason(thrown, "NotFound")) throw thrown;
    const ownerReferences = [{ apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name, uid }];
    const metadata = { namespace, name, labels: mark, ownerReferences };
    try {
      await client.create(WorkflowTaskSets, { metadata, ...body });
    } catch (again) {
      if (!isReason(again, "AlreadyExists")) throw again;
      await patch();
    }
  }
}

/** Takes out a task whose node is over, and then what was said of it: an agent must not meet it without. */
export async function removeTask(client: Client, ref: ObjectRef, id: string): Promise<void> {
  try {
    await client.patch(WorkflowTaskSets, ref, { type: "merge", body: { spec: { tasks: { [id]: null } } } });
    const body = { status: { nodes: { [id]: null } } };
    await client.patch(WorkflowTaskSets, ref, { type: "merge", body }, { subresource: "status" });
  } catch (thrown) {
    if (!isReason(thrown, "NotFound")) throw thrown;
  }
}
