// Which ServingRuntime serves a model, and the built-in one.
import type { ClusterServingRuntime, ModelSpec, ServingRuntime } from "@capstan/api/kinds/serving";
import type { New } from "@capstan/api/meta";
import { nearest } from "@capstan/base/errors";
import { PredictorProblem } from "./problem.ts";

export const builtinRuntimeName = "capstan-onnx";
/** The container that serves, by KServe's convention. */
export const servingContainer = "kserve-container";
export const modelMountPath = "/mnt/models";
const restPort = 8080;

/** Serves ONNX models with Capstan's own model server. */
export const builtinRuntime: New<ClusterServingRuntime> = {
  metadata: { name: builtinRuntimeName, labels: { "app.kubernetes.io/managed-by": "capstan" } },
  spec: {
    supportedModelFormats: [{ name: "onnx", version: "1", autoSelect: true, priority: 1 }],
    protocolVersions: ["v1", "v2"],
    containers: [
      {
        name: servingContainer,
        image: "capstan/model-server",
        args: ["--model_name={{.Name}}", `--model_base_path=${modelMountPath}`, `--rest_api_port=${restPort}`],
        ports: [{ name: "http1", containerPort: restPort, protocol: "TCP" }],
        // A server that is busy is still alive: readiness alone takes it out of the Service.
        readinessProbe: {
          httpGet: { path: "/v2/health/ready", port: "http1" },
          periodSeconds: 1,
          timeoutSeconds: 5,
          failureThreshold: 3,
        },
        terminationMessagePolicy: "FallbackToLogsOnError",
      },
    ],
  },
};

export interface Runtimes {
  /** Of the service's namespace. */
  namespaced: ServingRuntime[];
  cluster: ClusterServingRuntime[];
}

/** Throws PredictorProblem. Source: KServe's order: the namespace's own first, then by priority. */
export function selectRuntime(model: ModelSpec, { namespaced, cluster }: Runtimes): ServingRuntime {
  const { modelFormat, runtime, protocolVersion = "v1" } = model;
  const all = [...namespaced, ...cluster];
  const shown = `${modelFormat.name}${modelFormat.version ? ` ${modelFormat.version}` : ""}`;
  if (runtime !== undefined) {
    const named = all.find(({ metadata }) => metadata.name === runtime);
    if (!named) {
      const near = nearest(
        runtime,
        all.map(({ metadata }) => metadata.name),
      );
      const hint = near ? `; did you mean "${near}"?` : "";
      throw new PredictorProblem(
        "RuntimeNotRecognized",
        `spec.predictor.model.runtime: there is no ServingRuntime "${runtime}"${hint}`,
      );
    }
    if (named.spec.disabled)
      throw new PredictorProblem("RuntimeDisabled", `the ServingRuntime "${runtime}" is disabled`);
    if (formatsOf(named, model).length > 0) return named;
    throw new PredictorProblem(
      "NoSupportingRuntime",
      `the ServingRuntime "${runtime}" does not serve the format ${shown}`,
    );
  }
  for (const group of [namespaced, cluster]) {
    const fits = group
      .filter(({ spec }) => !spec.disabled && (spec.protocolVersions ?? ["v1"]).includes(protocolVersion))
      .flatMap((object) =>
        formatsOf(object, model)
          .filter(({ autoSelect }) => autoSelect)
          .map(({ priority = 0 }) => ({ object, priority })),
      )
      .sort((a, b) => b.priority - a.priority || a.object.metadata.name.localeCompare(b.object.metadata.name));
    if (fits[0]) return fits[0].object;
  }
  const formats = [...new Set(all.flatMap(({ spec }) => (spec.supportedModelFormats ?? []).map(({ name }) => name)))];
  const message = `no runtime serves the format ${shown} with the protocol ${protocolVersion}; served formats: ${formats.join(", ") || "none"}`;
  throw new PredictorProblem("NoSupportingRuntime", message);
}

function formatsOf({ spec }: ServingRuntime, { modelFormat }: ModelSpec) {
  return (spec.supportedModelFormats ?? []).filter(
    ({ name, version }) =>
      name === modelFormat.name && (modelFormat.version === undefined || version === modelFormat.version),
  );
}
