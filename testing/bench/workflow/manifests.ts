// Workflows of many steps.
import type { Template, Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";

const step: Template = { name: "step", container: { image: "busybox", command: ["true"] } };
const podGC = { strategy: "OnPodCompletion" as const };

const workflow = (name: string, spec: WorkflowSpec): New<Workflow> => ({
  metadata: { namespace: "default", name },
  spec: { serviceAccountName: "default", ...spec },
});
const dag = (tasks: NonNullable<Template["dag"]>["tasks"]): WorkflowSpec => ({
  entrypoint: "main",
  templates: [{ name: "main", dag: { tasks } }, step],
});

export const oneStep = (name: string): New<Workflow> => workflow(name, { entrypoint: "step", templates: [step] });

/** Each task waits for the one before it. */
export function chain(name: string, length: number): New<Workflow> {
  const tasks = Array.from({ length }, (_, i) => ({
    name: `t${i}`,
    template: "step",
    ...(i > 0 ? { depends: `t${i - 1}` } : {}),
  }));
  return workflow(name, dag(tasks));
}

/** As many as that at once, and one after all of them. */
export function fanOut(name: string, width: number): New<Workflow> {
  return workflow(
    name,
    dag([
      { name: "each", template: "step", withSequence: { count: String(width) } },
      { name: "end", template: "step", depends: "each" },
    ]),
  );
}

/** Rows of loops one after another. The pods of steps that are over are deleted, else the cluster is what is measured. */
export function rows(name: string, width: number, height: number): New<Workflow> {
  const tasks = Array.from({ length: height }, (_, i) => ({
    name: `row${i}`,
    template: "step",
    withSequence: { count: String(width) },
    ...(i > 0 ? { depends: `row${i - 1}` } : {}),
  }));
  return workflow(name, { ...dag(tasks), podGC });
}
