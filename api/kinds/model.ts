// Model (capstan.dev/v1alpha1): the registry of trained models. Each version names its files in the artifact repository.
import type { CustomResourceDefinition } from "../generated/apiextensions-v1.ts";
import type { Condition, Time } from "../generated/meta-v1.ts";
import type { KubeObject, Resource } from "../meta/index.ts";
import {
  about,
  ageColumn,
  column,
  conditions,
  definitionOf,
  int64,
  integer,
  keyed,
  list,
  object,
  oneOf,
  open,
  text,
  texts,
  time,
} from "./crd-schema.ts";

export interface Model extends KubeObject {
  spec: ModelSpec;
  status?: ModelStatus;
}

export interface ModelSpec {
  description?: string;
  /** Newest last. A version never changes once it is there. */
  versions: ModelVersion[];
}

export interface ModelVersion {
  /** Counts from 1. */
  version: number;
  framework: "onnx";
  artifact: ModelArtifact;
  /** Results on held-out rows, such as accuracy; may nest. */
  metrics?: Record<string, unknown>;
  /** The model's signature document, as in its `signature.json`. */
  signature?: Record<string, unknown>;
  source?: ModelSource;
  createdAt?: Time;
}

export interface ModelArtifact {
  /** Key of the model directory in the namespace's artifact repository. */
  key: string;
}

/** The workflow node that made a version: a node becomes at most one version. */
export interface ModelSource {
  kind: "Workflow";
  name: string;
  uid: string;
  nodeId: string;
  nodeName?: string;
  template?: string;
}

export interface ModelStatus {
  observedGeneration?: number;
  latestVersion?: number;
  versions?: ModelVersionStatus[];
  conditions?: Condition[];
}

export interface ModelVersionStatus {
  version: number;
  /** Missing: the repository does not hold its files. */
  state: "Available" | "Missing";
  message?: string;
  /** Names of the InferenceServices that serve it. */
  servedBy?: string[];
}

export const Models: Resource<Model> = {
  group: "capstan.dev",
  version: "v1alpha1",
  resource: "models",
  kind: "Model",
  namespaced: true,
};

const version = object(
  {
    version: about("Counts from 1.", { ...integer, minimum: 1 }),
    framework: about("What reads the files.", oneOf("onnx")),
    artifact: about(
      "The model directory, by its key in the namespace's artifact repository.",
      object({ key: { type: "string", minLength: 1, maxLength: 1024 } }, ["key"]),
    ),
    metrics: about("Results on rows that the training did not see.", open),
    signature: about("Inputs and outputs, as in the signature.json of the model.", open),
    source: object({ kind: oneOf("Workflow"), name: text, uid: text, nodeId: text, nodeName: text, template: text }, [
      "kind",
      "name",
      "uid",
      "nodeId",
    ]),
    createdAt: time,
  },
  ["version", "framework", "artifact"],
);

export const modelDefinition: CustomResourceDefinition = definitionOf({
  resource: Models,
  description: "A trained model and its versions.",
  categories: ["capstan"],
  spec: object({ description: text, versions: keyed(version, "version") }, ["versions"]),
  status: object({
    observedGeneration: int64,
    latestVersion: integer,
    versions: list(
      object({ version: integer, state: oneOf("Available", "Missing"), message: text, servedBy: texts }, [
        "version",
        "state",
      ]),
    ),
    conditions,
  }),
  columns: [
    column("Latest", ".status.latestVersion", { type: "integer" }),
    column("State", ".status.conditions[?(@.type=='Ready')].reason"),
    column("Served-By", ".status.versions[*].servedBy[*]", { priority: 1 }),
    ageColumn,
  ],
});
