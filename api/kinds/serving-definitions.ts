// The custom resource definitions of serving.kserve.io: fields of pods are kept as they are, KServe's own are typed.
import type { CustomResourceDefinition, JSONSchemaProps } from "../generated/apiextensions-v1.ts";
import {
  about,
  ageColumn,
  column,
  conditions,
  definitionOf,
  flag,
  int64,
  integer,
  list,
  object,
  oneOf,
  open,
  openList,
  text,
  textMap,
  texts,
  time,
} from "./crd-schema.ts";
import { ClusterServingRuntimes, InferenceServices, ServingRuntimes } from "./serving.ts";

const percent: JSONSchemaProps = { ...integer, minimum: 0, maximum: 100 };
const count: JSONSchemaProps = { ...integer, minimum: 0 };

/** The fields of a pod that a predictor or a runtime may set. */
const podFields: Record<string, JSONSchemaProps> = {
  serviceAccountName: text,
  automountServiceAccountToken: flag,
  nodeName: text,
  nodeSelector: textMap,
  affinity: open,
  tolerations: openList,
  topologySpreadConstraints: openList,
  volumes: openList,
  initContainers: openList,
  imagePullSecrets: openList,
  securityContext: open,
  priorityClassName: text,
  runtimeClassName: text,
  schedulerName: text,
  hostNetwork: flag,
  hostIPC: flag,
  dnsPolicy: text,
  dnsConfig: open,
  hostAliases: openList,
  enableServiceLinks: flag,
  shareProcessNamespace: flag,
  terminationGracePeriodSeconds: { ...int64, minimum: 0 },
};

const model = object(
  {
    modelFormat: about("Chooses the runtime.", object({ name: text, version: text }, ["name"])),
    storageUri: about("Where the model is: model://<name>[/<version>], pvc://<claim>/<path> or file://<path>.", text),
    runtime: about("Name of a ServingRuntime or ClusterServingRuntime; absent: chosen by modelFormat.", text),
    protocolVersion: about("v1 (TensorFlow Serving's REST, the default) or v2 (Open Inference Protocol).", text),
    image: text,
    command: texts,
    args: texts,
    env: openList,
    ports: openList,
    resources: open,
  },
  ["modelFormat"],
);

const predictor: Record<string, JSONSchemaProps> = {
  ...podFields,
  model: about("A model, served by a runtime.", model),
  containers: about("Containers of one's own in place of a model; the first, or kserve-container, serves.", openList),
  minReplicas: about("Replicas to hold, at least 1.", count),
  maxReplicas: about("More than minReplicas lets an autoscaler choose.", count),
  scaleMetric: oneOf("cpu", "memory", "concurrency", "rps"),
  scaleTarget: count,
  containerConcurrency: { ...int64, minimum: 0 },
  timeout: about("Seconds until a request is answered 504.", { ...int64, minimum: 1 }),
  canaryTrafficPercent: percent,
  logger: open,
  batcher: open,
  labels: textMap,
  annotations: textMap,
};

const failure = object({
  location: text,
  reason: text,
  message: text,
  modelRevisionName: text,
  time,
  exitCode: integer,
});

const component = object({
  url: text,
  restUrl: text,
  latestReadyRevision: text,
  latestCreatedRevision: text,
  modelVersion: integer,
  traffic: list(object({ revisionName: text, latestRevision: flag, percent: int64, tag: text })),
});

const serviceStatus = object({
  observedGeneration: int64,
  conditions,
  url: text,
  address: object({ url: text }),
  components: { type: "object", additionalProperties: component },
  modelStatus: object({
    transitionStatus: text,
    states: object({ activeModelState: text, targetModelState: text }),
    copies: object({ failedCopies: integer, totalCopies: integer }),
    lastFailureInfo: failure,
  }),
  canaryStatuses: list(object({ name: text, trafficPercent: percent, ready: flag, message: text }, ["name"])),
  deploymentMode: text,
  servingRuntimeName: text,
  clusterServingRuntimeName: text,
});

const traffic = ".status.components.predictor.traffic";

export const inferenceServiceDefinition: CustomResourceDefinition = definitionOf({
  resource: InferenceServices,
  description: "A model that answers over the network.",
  shortNames: ["isvc"],
  categories: ["capstan"],
  spec: object(
    {
      predictor: about("What answers.", object(predictor)),
      canary: list(
        object(
          { predictor: object({ ...predictor, name: { ...text, maxLength: 30 } }, ["name"]), trafficPercent: percent },
          ["predictor", "trafficPercent"],
        ),
      ),
      transformer: open,
      explainer: open,
    },
    ["predictor"],
  ),
  status: serviceStatus,
  columns: [
    column("URL", ".status.url"),
    column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
    column("Prev", `${traffic}[?(@.tag=='prev')].percent`, { type: "integer" }),
    column("Latest", `${traffic}[?(@.latestRevision==true)].percent`, { type: "integer" }),
    column("PrevRolledoutRevision", `${traffic}[?(@.tag=='prev')].revisionName`),
    column("LatestReadyRevision", `${traffic}[?(@.latestRevision==true)].revisionName`),
    ageColumn,
  ],
});

const runtimeSpec = object(
  {
    ...podFields,
    supportedModelFormats: list(
      object({ name: text, version: text, autoSelect: flag, priority: { ...integer, minimum: 1 } }, ["name"]),
    ),
    protocolVersions: texts,
    multiModel: flag,
    disabled: flag,
    containers: openList,
    labels: textMap,
    annotations: textMap,
  },
  ["containers"],
);

const runtimeColumns = [
  column("Disabled", ".spec.disabled", { type: "boolean" }),
  column("ModelType", ".spec.supportedModelFormats[*].name"),
  column("Containers", ".spec.containers[*].name"),
  ageColumn,
];

export const servingRuntimeDefinition: CustomResourceDefinition = definitionOf({
  resource: ServingRuntimes,
  description: "How models of some formats are served in one namespace.",
  spec: runtimeSpec,
  status: open,
  columns: runtimeColumns,
});

export const clusterServingRuntimeDefinition: CustomResourceDefinition = definitionOf({
  resource: ClusterServingRuntimes,
  description: "How models of some formats are served in every namespace.",
  spec: runtimeSpec,
  status: open,
  columns: runtimeColumns,
});

export const servingDefinitions: CustomResourceDefinition[] = [
  inferenceServiceDefinition,
  servingRuntimeDefinition,
  clusterServingRuntimeDefinition,
];
