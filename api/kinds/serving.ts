// InferenceService (serving.kserve.io/v1beta1) and the runtimes that serve one. Contract: KServe v0.20.
import type { Container, ContainerPort, EnvVar, PodSpec, ResourceRequirements, Volume } from "../generated/core-v1.ts";
import type { Quantity, Time } from "../generated/meta-v1.ts";
import type { KubeObject, Resource } from "../meta/index.ts";

/** Keys of annotations that this platform reads on an InferenceService. */
export const servingAnnotations = {
  /** "true" takes the service down and keeps the object. */
  stop: "serving.kserve.io/stop",
  /** "none" opens the service to callers without a token. */
  auth: "capstan.dev/auth",
} as const;

/** Labels that every object made for an InferenceService carries. */
export const servingLabels = {
  service: "serving.kserve.io/inferenceservice",
  component: "component",
} as const;

export interface InferenceService extends KubeObject {
  spec: InferenceServiceSpec;
  status?: InferenceServiceStatus;
}

export interface InferenceServiceSpec {
  predictor: PredictorSpec;
  /** Further predictors that take a share of the traffic. */
  canary?: CanarySpec[];
  transformer?: Record<string, unknown>;
  explainer?: Record<string, unknown>;
}

export interface CanarySpec {
  predictor: PredictorSpec & { name: string };
  trafficPercent: number;
}

/** A predictor is a `model`, or `containers` of the user's own; the rest is that of a pod. */
export interface PredictorSpec extends Partial<Omit<PodSpec, "containers">> {
  model?: ModelSpec;
  containers?: Container[];
  /** Replicas to hold; 0 means one that idles is taken down. Default 1. */
  minReplicas?: number;
  /** 0 or absent: as many as minReplicas. */
  maxReplicas?: number;
  scaleMetric?: "cpu" | "memory" | "concurrency" | "rps";
  scaleTarget?: number;
  containerConcurrency?: number;
  /** Seconds until a request is answered 504. */
  timeout?: number;
  canaryTrafficPercent?: number;
  logger?: Record<string, unknown>;
  batcher?: Record<string, unknown>;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface ModelSpec {
  modelFormat: { name: string; version?: string };
  storageUri?: string;
  /** Name of a ServingRuntime or ClusterServingRuntime; absent: chosen by modelFormat. */
  runtime?: string;
  protocolVersion?: "v1" | "v2" | "grpc-v1" | "grpc-v2";
  resources?: ResourceRequirements;
  args?: string[];
  env?: EnvVar[];
  command?: string[];
  image?: string;
  ports?: ContainerPort[];
}

/** As Knative's: the generation stands beside the conditions, severity is absent for errors. */
export interface ServingCondition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason?: string;
  message?: string;
  severity?: string;
  lastTransitionTime?: Time;
}

export type TransitionStatus = "UpToDate" | "InProgress" | "BlockedByFailedLoad" | "InvalidSpec";
export type ModelState = "Pending" | "Standby" | "Loading" | "Loaded" | "FailedToLoad";
export type FailureReason =
  | "ModelLoadFailed"
  | "RuntimeUnhealthy"
  | "RuntimeDisabled"
  | "NoSupportingRuntime"
  | "RuntimeNotRecognized"
  | "InvalidPredictorSpec"
  | "ModelNotFound";

export interface FailureInfo {
  location?: string;
  reason?: FailureReason;
  message?: string;
  modelRevisionName?: string;
  time?: Time;
  exitCode?: number;
}

export interface ModelStatus {
  transitionStatus: TransitionStatus;
  states?: { activeModelState: ModelState; targetModelState: ModelState };
  copies?: { failedCopies: number; totalCopies: number };
  lastFailureInfo?: FailureInfo;
}

export interface InferenceServiceStatus {
  observedGeneration?: number;
  conditions?: ServingCondition[];
  url?: string;
  address?: { url?: string };
  components?: Record<string, ComponentStatus>;
  modelStatus?: ModelStatus;
  canaryStatuses?: CanaryStatus[];
  deploymentMode?: string;
  servingRuntimeName?: string;
  clusterServingRuntimeName?: string;
}

export interface ComponentStatus {
  url?: string;
  restUrl?: string;
  /** Name of the pod template's revision that is ready. */
  latestReadyRevision?: string;
  latestCreatedRevision?: string;
  traffic?: { revisionName?: string; latestRevision?: boolean; percent?: number; tag?: string }[];
  /** Version of the Model that is served, when storageUri names one. */
  modelVersion?: number;
}

export interface CanaryStatus {
  name: string;
  trafficPercent?: number;
  ready?: boolean;
  message?: string;
}

export interface ServingRuntime extends KubeObject {
  spec: ServingRuntimeSpec;
  status?: Record<string, unknown>;
}
export type ClusterServingRuntime = ServingRuntime;

export interface ServingRuntimeSpec extends Partial<Omit<PodSpec, "containers">> {
  supportedModelFormats?: SupportedModelFormat[];
  protocolVersions?: string[];
  multiModel?: boolean;
  disabled?: boolean;
  /** The container named `kserve-container` serves; `{{.Name}}` in its arguments is the InferenceService's name. */
  containers: Container[];
  volumes?: Volume[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface SupportedModelFormat {
  name: string;
  version?: string;
  /** Only with true the runtime is chosen without being named. */
  autoSelect?: boolean;
  /** The highest is chosen. */
  priority?: number;
}

/** Default requests and limits of a predictor's container, where its spec and its runtime say nothing. */
export const defaultPredictorResources: { requests: Record<string, Quantity>; limits: Record<string, Quantity> } = {
  requests: { cpu: "50m", memory: "96Mi" },
  limits: { memory: "1Gi" },
};

const group = "serving.kserve.io";

export const InferenceServices: Resource<InferenceService> = {
  group,
  version: "v1beta1",
  resource: "inferenceservices",
  kind: "InferenceService",
  namespaced: true,
};

export const ServingRuntimes: Resource<ServingRuntime> = {
  group,
  version: "v1alpha1",
  resource: "servingruntimes",
  kind: "ServingRuntime",
  namespaced: true,
};

export const ClusterServingRuntimes: Resource<ClusterServingRuntime> = {
  group,
  version: "v1alpha1",
  resource: "clusterservingruntimes",
  kind: "ClusterServingRuntime",
  namespaced: false,
};
