// Arguments of workflows: parameters, artifacts and where artifacts are kept. Contract: argoproj.io/v1alpha1.
import type { ConfigMapKeySelector, SecretKeySelector } from "../../generated/core-v1.ts";

/** What upstream takes as text: numbers and booleans become text without scientific notation. */
export type AnyString = string | number | boolean;

export interface Parameter {
  name: string;
  value?: AnyString;
  default?: AnyString;
  enum?: AnyString[];
  description?: string;
  /** Also published as `workflow.outputs.parameters.<globalName>`. */
  globalName?: string;
  valueFrom?: ValueFrom;
}

/** Exactly one source, and a default for when it has nothing. */
export interface ValueFrom {
  path?: string;
  parameter?: string;
  expression?: string;
  jsonPath?: string;
  jqFilter?: string;
  event?: string;
  supplied?: Record<string, never>;
  configMapKeyRef?: ConfigMapKeySelector;
  default?: AnyString;
}

export interface ArtifactLocation {
  archiveLogs?: boolean;
  /** In the directory repository (Capstan's own), the namespace's part of it. */
  file?: { key?: string };
  s3?: S3Artifact;
  http?: { url: string; headers?: { name: string; value: string }[]; auth?: unknown };
  raw?: { data: string };
  git?: { repo: string; revision?: string; depth?: number; [field: string]: unknown };
  gcs?: { key: string; [field: string]: unknown };
  azure?: { blob: string; [field: string]: unknown };
  oss?: { key: string; [field: string]: unknown };
  hdfs?: { path: string; [field: string]: unknown };
  artifactory?: { url: string; [field: string]: unknown };
}

export interface S3Artifact {
  key?: string;
  bucket?: string;
  endpoint?: string;
  region?: string;
  insecure?: boolean;
  accessKeySecret?: SecretKeySelector;
  secretKeySecret?: SecretKeySelector;
  sessionTokenSecret?: SecretKeySelector;
  caSecret?: SecretKeySelector;
  [field: string]: unknown;
}

export interface ArchiveStrategy {
  none?: Record<string, never>;
  tar?: { compressionLevel?: number };
  zip?: Record<string, never>;
}

export interface Artifact extends ArtifactLocation {
  name: string;
  path?: string;
  mode?: number;
  recurseMode?: boolean;
  from?: string;
  fromExpression?: string;
  subPath?: string;
  globalName?: string;
  archive?: ArchiveStrategy;
  optional?: boolean;
  /** Capstan's own: `sha256:…` of what the executor kept, whatever it was packed in. In statuses alone. */
  digest?: string;
  artifactGC?: { strategy?: string; [field: string]: unknown };
  deleted?: boolean;
}

export interface Arguments {
  parameters?: Parameter[];
  artifacts?: Artifact[];
}
export type Inputs = Arguments;
export interface Outputs extends Arguments {
  /** What a script, or a container that is asked for it, printed; one trailing newline less. */
  result?: string;
  exitCode?: string;
}

/**
 * An artifact repository: names the store and how keys are made. `file` is Capstan's own: a directory that whoever runs
 * the executor has chosen, with a part for each namespace; no object says where.
 */
export interface ArtifactRepository {
  archiveLogs?: boolean;
  file?: { keyFormat?: string };
  s3?: S3Artifact & { keyFormat?: string; keyPrefix?: string };
  [store: string]: unknown;
}
