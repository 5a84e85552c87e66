// The container that deletes artifacts: does the tasks that bear its pod's mark, and says how each ended.
import {
  type ArtifactResult,
  artifactGCPodLabel,
  artifactGCPodVariable,
  type WorkflowArtifactGCTask,
  WorkflowArtifactGCTasks,
} from "@capstan/api/kinds/workflow";
import { messageOf } from "@capstan/base/errors";
import { deleteArtifact } from "@capstan/core/artifacts";
import { openResources } from "./resources.ts";
import type { Step } from "./step.ts";

/** Artifacts that are under way at once. */
const atOnce = 8;

/** What could not be deleted is told in the task; the program itself has done its work. */
export async function runCollect(step: Step): Promise<number> {
  const { client, container, namespace } = step;
  const mark = container.env[artifactGCPodVariable];
  if (!mark)
    throw new Error(`the environment has no ${artifactGCPodVariable}: only the workflow operator makes such pods`);
  const labelSelector = `${artifactGCPodLabel}=${mark}`;
  const { items } = await client.list(WorkflowArtifactGCTasks, { namespace, labelSelector });
  for (const task of items) {
    const artifactResultsByNode = await deleteAll(step, task);
    if (container.signal.aborted) return 143;
    const body = { status: { artifactResultsByNode } };
    const ref = { namespace, name: task.metadata.name };
    await client.patch(WorkflowArtifactGCTasks, ref, { type: "merge", body }, { subresource: "status" });
  }
  return 0;
}

async function deleteAll(step: Step, { spec }: WorkflowArtifactGCTask) {
  const results: Record<string, { artifactResults: Record<string, ArtifactResult> }> = {};
  const queue = Object.entries(spec.artifactsByNode ?? {})
    .flatMap(([node, { artifacts = {} }]) =>
      Object.entries(artifacts).map(([name, artifact]) => ({ node, name, artifact })),
    )
    .values();
  const { signal } = step.container;
  const work = async () => {
    for (const { node, name, artifact } of queue) {
      if (signal.aborted) return;
      results[node] ??= { artifactResults: {} };
      let result: ArtifactResult = { name, success: true };
      try {
        await deleteArtifact(artifact, openResources(step), signal);
      } catch (error) {
        result = { name, success: false, error: `artifact ${name}: ${messageOf(error)}` };
        step.container.print(result.error ?? "");
      }
      results[node].artifactResults[name] = result;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
