// The CustomResourceDefinitions of argoproj.io, and the descriptors to reach their objects.
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  JSONSchemaProps,
} from "../../generated/apiextensions-v1.ts";
import type { Resource } from "../../meta/index.ts";
import type { WorkflowArtifactGCTask } from "./artifact-gc.ts";
import type { WorkflowEventBinding } from "./event-binding.ts";
import { cronWorkflowSpecShape, eventBindingSpecShape, type Shape, workflowSpecShape } from "./shapes.ts";
import type { ClusterWorkflowTemplate, CronWorkflow, Workflow, WorkflowTemplate } from "./spec.ts";
import type { WorkflowTaskResult } from "./status.ts";
import type { WorkflowTaskSet } from "./task-set.ts";

const argo = { group: "argoproj.io", version: "v1alpha1" };

export const Workflows: Resource<Workflow> = { ...argo, resource: "workflows", kind: "Workflow", namespaced: true };
export const WorkflowTemplates: Resource<WorkflowTemplate> = {
  ...argo,
  resource: "workflowtemplates",
  kind: "WorkflowTemplate",
  namespaced: true,
};
export const ClusterWorkflowTemplates: Resource<ClusterWorkflowTemplate> = {
  ...argo,
  resource: "clusterworkflowtemplates",
  kind: "ClusterWorkflowTemplate",
  namespaced: false,
};
export const CronWorkflows: Resource<CronWorkflow> = {
  ...argo,
  resource: "cronworkflows",
  kind: "CronWorkflow",
  namespaced: true,
};
export const WorkflowTaskResults: Resource<WorkflowTaskResult> = {
  ...argo,
  resource: "workflowtaskresults",
  kind: "WorkflowTaskResult",
  namespaced: true,
};
export const WorkflowArtifactGCTasks: Resource<WorkflowArtifactGCTask> = {
  ...argo,
  resource: "workflowartifactgctasks",
  kind: "WorkflowArtifactGCTask",
  namespaced: true,
};
export const WorkflowTaskSets: Resource<WorkflowTaskSet> = {
  ...argo,
  resource: "workflowtasksets",
  kind: "WorkflowTaskSet",
  namespaced: true,
};
export const WorkflowEventBindings: Resource<WorkflowEventBinding> = {
  ...argo,
  resource: "workfloweventbindings",
  kind: "WorkflowEventBinding",
  namespaced: true,
};

const preserve: JSONSchemaProps = { "x-kubernetes-preserve-unknown-fields": true };
const preservedObject: JSONSchemaProps = { type: "object", ...preserve };

/** A structural schema. Built-in types (containers, volumes, …) are kept as they come: the operator checks them. */
function schemaOf(shape: Shape): JSONSchemaProps {
  switch (shape.is) {
    case "string":
    case "integer":
    case "boolean":
      return { type: shape.is, ...(shape.enum ? { enum: [...shape.enum] } : {}) };
    case "intOrString":
      return { "x-kubernetes-int-or-string": true };
    case "anyString":
    case "any":
      return preserve;
    case "builtin":
    case "lazy":
      return preservedObject;
    case "list":
      return { type: "array", items: schemaOf(shape.of) };
    case "map":
      return { type: "object", additionalProperties: schemaOf(shape.of) };
    case "object":
      return {
        type: "object",
        properties: Object.fromEntries(Object.entries(shape.fields).map(([name, field]) => [name, schemaOf(field)])),
        ...(shape.required ? { required: [...shape.required] } : {}),
        ...(shape.open ? preserve : {}),
      };
  }
}

interface Definition {
  resource: Resource;
  description: string;
  shortNames: string[];
  properties: Record<string, JSONSchemaProps>;
  required?: string[];
  columns?: CustomResourceColumnDefinition[];
  /** Whether status is written apart from spec. */
  statusApart?: true;
}

function define(given: Definition) {
  const { resource, description, shortNames, properties, required, columns, statusApart } = given;
  const { group, version, kind, namespaced } = resource;
  const definition: CustomResourceDefinition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${resource.resource}.${group}` },
    spec: {
      group,
      scope: namespaced ? "Namespaced" : "Cluster",
      names: {
        plural: resource.resource,
        singular: kind.toLowerCase(),
        kind,
        listKind: `${kind}List`,
        ...(shortNames.length > 0 ? { shortNames } : {}),
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              description,
              required: ["metadata", ...(required ?? [])],
              properties: {
                apiVersion: { type: "string" },
                kind: { type: "string" },
                metadata: { type: "object" },
                ...properties,
              },
            },
          },
          ...(columns ? { additionalPrinterColumns: columns } : {}),
          ...(statusApart ? { subresources: { status: {} } } : {}),
        },
      ],
    },
  };
  return definition;
}

const spec = { spec: schemaOf(workflowSpecShape) };
const age: CustomResourceColumnDefinition = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
};

/** To be created before the operator starts. */
export const workflowDefinitions: CustomResourceDefinition[] = [
  define({
    resource: Workflows,
    description: "A run of templates: steps that follow one another as pods.",
    shortNames: ["wf"],
    properties: { ...spec, status: preservedObject },
    required: ["spec"],
    columns: [
      { name: "Status", type: "string", jsonPath: ".status.phase", description: "Status of the workflow" },
      {
        name: "Age",
        type: "date",
        format: "date-time",
        jsonPath: ".status.startedAt",
        description: "When the workflow was started",
      },
      { name: "Message", type: "string", jsonPath: ".status.message", description: "Why it is in this status" },
    ],
  }),
  define({
    resource: WorkflowTemplates,
    description: "Templates that workflows of the same namespace refer to or are made from.",
    shortNames: ["wftmpl"],
    properties: spec,
    required: ["spec"],
  }),
  define({
    resource: ClusterWorkflowTemplates,
    description: "Templates that workflows of every namespace refer to or are made from.",
    shortNames: ["clusterwftmpl", "cwft"],
    properties: spec,
    required: ["spec"],
  }),
  define({
    resource: CronWorkflows,
    description: "Starts a workflow at set times.",
    shortNames: ["cwf", "cronwf"],
    properties: { spec: schemaOf(cronWorkflowSpecShape), status: preservedObject },
    required: ["spec"],
    columns: [
      { name: "Schedule", type: "string", jsonPath: ".spec.schedules" },
      { name: "Suspended", type: "boolean", jsonPath: ".spec.suspend" },
      { name: "Last Run", type: "date", jsonPath: ".status.lastScheduledTime" },
      age,
    ],
  }),
  define({
    resource: WorkflowTaskResults,
    description: "What the executor reports of one node.",
    shortNames: [],
    properties: {
      phase: { type: "string" },
      message: { type: "string" },
      progress: { type: "string" },
      outputs: preservedObject,
    },
  }),
  define({
    resource: WorkflowTaskSets,
    description: "Tasks of a workflow that its agent does.",
    shortNames: ["wfts"],
    properties: { spec: preservedObject, status: preservedObject },
    required: ["spec"],
    statusApart: true,
  }),
  define({
    resource: WorkflowArtifactGCTasks,
    description: "Artifacts that one pod deletes.",
    shortNames: ["wfat"],
    properties: { spec: preservedObject, status: preservedObject },
    required: ["spec"],
    statusApart: true,
  }),
  define({
    resource: WorkflowEventBindings,
    description: "Starts a workflow when an event comes in.",
    shortNames: ["wfeb"],
    properties: { spec: schemaOf(eventBindingSpecShape) },
    required: ["spec"],
  }),
];
