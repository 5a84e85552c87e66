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
  http?: HttpArtifact;
  raw?: { data: string };
  git?: GitArtifact;
  gcs?: GcsArtifact;
  azure?: { blob: string; [field: string]: unknown };
  oss?: OssArtifact;
  hdfs?: HdfsArtifact;
  artifactory?: ArtifactoryArtifact;
  /** A store that is another program: of an artifact driver. */
  plugin?: unknown;
}

export interface S3Artifact {
  key?: string;
  bucket?: string;
  /** Host and port, without a scheme. */
  endpoint?: string;
  region?: string;
  /** Plain HTTP. */
  insecure?: boolean;
  accessKeySecret?: SecretKeySelector;
  secretKeySecret?: SecretKeySelector;
  sessionTokenSecret?: SecretKeySelector;
  /** PEM certificates that the server's is checked against. */
  caSecret?: SecretKeySelector;
  roleARN?: string;
  /** Credentials come from the pod's environment. */
  useSDKCreds?: boolean;
  createBucketIfNotPresent?: { objectLocking?: boolean };
  encryptionOptions?: S3Encryption;
  [field: string]: unknown;
}
export interface S3Encryption {
  enableEncryption?: boolean;
  kmsKeyId?: string;
  /** JSON of an object of texts. */
  kmsEncryptionContext?: string;
  serverSideCustomerKeySecret?: SecretKeySelector;
}

export interface BasicAuth {
  usernameSecret?: SecretKeySelector;
  passwordSecret?: SecretKeySelector;
}
export interface HttpArtifact {
  url: string;
  headers?: { name: string; value: string }[];
  auth?: {
    basicAuth?: BasicAuth;
    clientCert?: { clientCertSecret?: SecretKeySelector; clientKeySecret?: SecretKeySelector };
    oauth2?: {
      clientIDSecret?: SecretKeySelector;
      clientSecretSecret?: SecretKeySelector;
      tokenURLSecret?: SecretKeySelector;
      scopes?: string[];
      endpointParams?: { key: string; value?: string }[];
    };
  };
}
export interface ArtifactoryArtifact extends BasicAuth {
  url: string;
  [field: string]: unknown;
}
export interface GitArtifact extends BasicAuth {
  repo: string;
  revision?: string;
  /** So many commits of the history; absent: all. */
  depth?: number;
  /** Ref specifications fetched before the checkout. */
  fetch?: string[];
  sshPrivateKeySecret?: SecretKeySelector;
  insecureIgnoreHostKey?: boolean;
  insecureSkipTLS?: boolean;
  disableSubmodules?: boolean;
  singleBranch?: boolean;
  branch?: string;
  [field: string]: unknown;
}
export interface GcsArtifact {
  key?: string;
  bucket?: string;
  /** A service account's key file. */
  serviceAccountKeySecret?: SecretKeySelector;
  [field: string]: unknown;
}
export interface OssArtifact {
  key?: string;
  bucket?: string;
  endpoint?: string;
  accessKeySecret?: SecretKeySelector;
  secretKeySecret?: SecretKeySelector;
  securityToken?: string;
  createBucketIfNotPresent?: boolean;
  useSDKCreds?: boolean;
  [field: string]: unknown;
}
export interface HdfsArtifact {
  path?: string;
  /** Name nodes, `host:port`. */
  addresses?: string[];
  hdfsUser?: string;
  /** Replaces a file that is there. */
  force?: boolean;
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
  artifactGC?: ArtifactGC;
  /** Collected: nothing is kept under its location any more. */
  deleted?: boolean;
}

export type ArtifactGCStrategy = "" | "OnWorkflowCompletion" | "OnWorkflowDeletion" | "Never";
/** When an artifact is deleted, and as whom. */
export interface ArtifactGC {
  strategy?: ArtifactGCStrategy;
  podMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  serviceAccountName?: string;
}
export interface WorkflowArtifactGC extends ArtifactGC {
  /** The workflow goes even where an artifact could not be deleted. */
  forceFinalizerRemoval?: boolean;
  podSpecPatch?: string;
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
  gcs?: GcsArtifact & { keyFormat?: string };
  oss?: OssArtifact & { keyFormat?: string };
  hdfs?: HdfsArtifact & { pathFormat?: string };
  artifactory?: BasicAuth & { repoURL?: string; keyFormat?: string };
  [store: string]: unknown;
}
