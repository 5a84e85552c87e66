// The Deployment and the Service of one predictor.
import type { Deployment } from "@capstan/api/generated/apps-v1";
import type { HorizontalPodAutoscaler } from "@capstan/api/generated/autoscaling-v2";
import type { Container, PodSpec, Service } from "@capstan/api/generated/core-v1";
import {
  defaultPredictorResources,
  type InferenceService,
  type ModelSpec,
  type PredictorSpec,
  type ServingRuntime,
} from "@capstan/api/kinds/serving";
import type { New } from "@capstan/api/meta";
import { buildAutoscaler, replicasOf } from "./autoscaler.ts";
import { digest, ownedMetadata } from "./names.ts";
import { PredictorProblem } from "./problem.ts";
import { modelMountPath, servingContainer } from "./runtime.ts";
import { modelVolume, type Storage } from "./storage.ts";

/** On a pod: which content of its template it was made from. */
export const revisionLabel = "serving.capstan.dev/revision";
export const modelVersionAnnotation = "capstan.dev/model-version";
export const defaultPort = 8080;

export interface PredictorInput {
  service: InferenceService;
  /** Of the Deployment and the Service. */
  name: string;
  component: "predictor" | "canary";
  spec: PredictorSpec;
  /** Both absent for a predictor of the user's own containers. */
  runtime?: ServingRuntime;
  storage?: Storage;
  /** Of the Deployment that is there. */
  replicas?: number;
}

export interface Predictor {
  revision: string;
  deployment: New<Deployment>;
  service: New<Service>;
  autoscaler: New<HorizontalPodAutoscaler> | undefined;
}

/** Fields of a predictor that are not a pod's. */
const notOfPod = [
  "model",
  "containers",
  "minReplicas",
  "maxReplicas",
  "timeout",
  "labels",
  "annotations",
  "name",
  "scaleMetric",
  "scaleTarget",
  "containerConcurrency",
  "canaryTrafficPercent",
  "logger",
  "batcher",
  "supportedModelFormats",
  "protocolVersions",
  "multiModel",
  "disabled",
];

/** Throws PredictorProblem. */
export function buildPredictor(input: PredictorInput): Predictor {
  const { service, name, component, spec, runtime, storage } = input;
  const metadata = ownedMetadata(service, name, component);
  const selector = { app: `isvc.${name}` };
  const podSpec = podSpecOf(input);
  const annotations = {
    ...runtime?.spec.annotations,
    ...spec.annotations,
    ...(storage?.modelVersion === undefined ? {} : { [modelVersionAnnotation]: String(storage.modelVersion) }),
  };
  const labels = { ...runtime?.spec.labels, ...spec.labels, ...metadata.labels, ...selector };
  const revision = digest({ labels, annotations, podSpec });
  const template = { metadata: { labels: { ...labels, [revisionLabel]: revision }, annotations }, spec: podSpec };
  const ports = [{ name: "http", port: 80, targetPort: portOf(podSpec), protocol: "TCP" }];
  return {
    revision,
    deployment: {
      metadata,
      spec: {
        replicas: replicasOf(spec, input.replicas),
        selector: { matchLabels: selector },
        template: template as never,
      },
    },
    service: { metadata, spec: { type: "ClusterIP", selector, ports } },
    autoscaler: buildAutoscaler(service, input),
  };
}

function podSpecOf({ service, spec, runtime, storage }: PredictorInput): PodSpec {
  const base = withoutFields(runtime?.spec ?? {});
  const own = withoutFields(spec);
  const containers =
    runtime && spec.model ? runtimeContainers(service, spec.model, runtime, storage) : (spec.containers ?? []);
  const volumes = [...(runtime?.spec.volumes ?? []), ...(spec.volumes ?? []), ...(storage ? [storage.volume] : [])];
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...base,
    ...own,
    containers: containers.map(withDefaults),
    ...(volumes.length > 0 ? { volumes } : {}),
  };
}

function withoutFields(spec: object): Partial<PodSpec> {
  return Object.fromEntries(Object.entries(spec).filter(([key]) => !notOfPod.includes(key)));
}

function runtimeContainers(
  service: InferenceService,
  model: ModelSpec,
  { spec, metadata }: ServingRuntime,
  storage: Storage | undefined,
): Container[] {
  if (!spec.containers.some(({ name }) => name === servingContainer)) {
    const message = `the ServingRuntime "${metadata.name}" has no container named ${servingContainer}`;
    throw new PredictorProblem("InvalidPredictorSpec", message);
  }
  return spec.containers.map((container) => {
    if (container.name !== servingContainer) return container;
    const mount = { name: modelVolume, mountPath: modelMountPath, readOnly: true };
    const mounts = storage ? [{ ...mount, ...(storage.subPath ? { subPath: storage.subPath } : {}) }] : [];
    const args = [...(container.args ?? []), ...(model.args ?? [])];
    return {
      ...container,
      ...(model.image ? { image: model.image } : {}),
      ...(model.command ? { command: model.command } : {}),
      args: args.map((argument) => argument.replaceAll("{{.Name}}", service.metadata.name)),
      ...(model.ports ? { ports: model.ports } : {}),
      env: [...(container.env ?? []), ...(model.env ?? [])],
      resources: {
        requests: { ...container.resources?.requests, ...model.resources?.requests },
        limits: { ...container.resources?.limits, ...model.resources?.limits },
      },
      volumeMounts: [...(container.volumeMounts ?? []), ...mounts],
    };
  });
}

/** Limits given without requests are requests too, as the API server has it: defaults must not exceed them. */
function withDefaults(container: Container): Container {
  const { requests, limits } = container.resources ?? {};
  return {
    ...container,
    resources: {
      requests: { ...defaultPredictorResources.requests, ...limits, ...requests },
      limits: { ...defaultPredictorResources.limits, ...limits },
    },
  };
}

function portOf({ containers }: PodSpec): number {
  const serving = containers.find(({ name }) => name === servingContainer) ?? containers[0];
  return serving?.ports?.[0]?.containerPort ?? defaultPort;
}
