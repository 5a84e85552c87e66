// The workflow that a CronWorkflow starts. Source: argo-workflows workflow/common/convert.go.
import type { CronWorkflow, Workflow } from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import { label, labels } from "../engine/index.ts";
import { typesAnnotation } from "../parameter-types/index.ts";

const creators = ["creator", "creator-email", "creator-preferred-username"].map(label);

/** Annotations of what it starts; types of parameters may stand at the CronWorkflow itself too. */
export function annotationsOf({ metadata, spec }: Pick<CronWorkflow, "metadata" | "spec">): Record<string, string> {
  const types = metadata.annotations?.[typesAnnotation];
  return { ...(types === undefined ? {} : { [typesAnnotation]: types }), ...spec.workflowMetadata?.annotations };
}

/** @param options.at the time that it stands for, epoch milliseconds. A child with a name was made by the schedule, one with generateName by hand. */
export function fromCron(
  { metadata, spec }: CronWorkflow,
  { at, name, generateName }: { at: number; name?: string; generateName?: string },
): New<Workflow> {
  const given = spec.workflowMetadata ?? {};
  const { workflowTemplateRef: ref } = spec.workflowSpec;
  const kept = name ? [label("controller-instanceid"), ...creators] : [label("controller-instanceid")];
  const handed = kept.flatMap((key): [string, string][] => {
    const value = metadata.labels?.[key];
    return value === undefined ? [] : [[key, value]];
  });
  return {
    metadata: {
      ...(name ? { name } : {}),
      ...(generateName ? { generateName } : {}),
      namespace: metadata.namespace ?? "",
      labels: {
        ...Object.fromEntries(handed),
        ...given.labels,
        ...(ref?.name
          ? { [ref.clusterScope ? labels.clusterWorkflowTemplate : labels.workflowTemplate]: ref.name }
          : {}),
        [labels.cronWorkflow]: metadata.name,
      },
      annotations: {
        ...annotationsOf({ metadata, spec }),
        [labels.scheduledTime]: new Date(at).toISOString().replace(/\.\d+Z$/, "Z"),
      },
      ...(given.finalizers ? { finalizers: given.finalizers } : {}),
      ownerReferences: [
        {
          apiVersion: "argoproj.io/v1alpha1",
          kind: "CronWorkflow",
          name: metadata.name,
          uid: metadata.uid ?? "",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: spec.workflowSpec,
  };
}
