// The fields of workflow specs as data: the CRDs' schemas and the check for unknown fields are both made from it.

/** What may stand in a field. `builtin` names a type of api/generated/types.json, `more` adds fields to it. */
export type Shape =
  | { is: "string" | "integer" | "boolean" | "intOrString" | "anyString" | "any"; enum?: readonly string[] }
  | { is: "builtin"; type: string; more?: Record<string, Shape> }
  | { is: "list" | "map"; of: Shape }
  | { is: "object"; fields: Record<string, Shape>; required?: readonly string[]; open?: true }
  /** For what contains itself. */
  | { is: "lazy"; of: () => Shape };

const string: Shape = { is: "string" };
const integer: Shape = { is: "integer" };
const boolean: Shape = { is: "boolean" };
const number: Shape = { is: "intOrString" };
const anyString: Shape = { is: "anyString" };
const any: Shape = { is: "any" };
const list = (of: Shape): Shape => ({ is: "list", of });
const map = (of: Shape): Shape => ({ is: "map", of });
const builtin = (type: string, more?: Record<string, Shape>): Shape => ({
  is: "builtin",
  type,
  ...(more ? { more } : {}),
});
const object = (fields: Record<string, Shape>, ...required: string[]): Shape => ({
  is: "object",
  fields,
  ...(required.length > 0 ? { required } : {}),
});
/** An object whose further fields are its driver's business. */
const open = (fields: Record<string, Shape>, ...required: string[]): Shape => ({
  is: "object",
  fields,
  open: true,
  ...(required.length > 0 ? { required } : {}),
});

const configMapKey = builtin("core/v1.ConfigMapKeySelector");
const secretKey = builtin("core/v1.SecretKeySelector");
const metadata = object({ labels: map(string), annotations: map(string) });

const valueFrom = object({
  path: string,
  parameter: string,
  expression: string,
  jsonPath: string,
  jqFilter: string,
  event: string,
  supplied: object({}),
  configMapKeyRef: configMapKey,
  default: anyString,
});
const parameter = object(
  {
    name: string,
    value: anyString,
    default: anyString,
    enum: list(anyString),
    description: string,
    globalName: string,
    valueFrom,
  },
  "name",
);

const s3 = open({
  key: string,
  bucket: string,
  endpoint: string,
  region: string,
  insecure: boolean,
  accessKeySecret: secretKey,
  secretKeySecret: secretKey,
  sessionTokenSecret: secretKey,
  caSecret: secretKey,
  roleARN: string,
  useSDKCreds: boolean,
  createBucketIfNotPresent: object({ objectLocking: boolean }),
  encryptionOptions: object({
    enableEncryption: boolean,
    kmsKeyId: string,
    kmsEncryptionContext: string,
    serverSideCustomerKeySecret: secretKey,
  }),
});
const basicAuth = { usernameSecret: secretKey, passwordSecret: secretKey };
const httpAuth = object({
  basicAuth: object(basicAuth),
  clientCert: object({ clientCertSecret: secretKey, clientKeySecret: secretKey }),
  oauth2: object({
    clientIDSecret: secretKey,
    clientSecretSecret: secretKey,
    tokenURLSecret: secretKey,
    scopes: list(string),
    endpointParams: list(object({ key: string, value: string }, "key")),
  }),
});
const git = open(
  {
    ...basicAuth,
    repo: string,
    revision: string,
    depth: integer,
    fetch: list(string),
    sshPrivateKeySecret: secretKey,
    insecureIgnoreHostKey: boolean,
    insecureSkipTLS: boolean,
    disableSubmodules: boolean,
    singleBranch: boolean,
    branch: string,
  },
  "repo",
);
const oss = open({
  key: string,
  bucket: string,
  endpoint: string,
  accessKeySecret: secretKey,
  secretKeySecret: secretKey,
  securityToken: string,
  createBucketIfNotPresent: boolean,
  useSDKCreds: boolean,
});
const location = {
  archiveLogs: boolean,
  file: object({ key: string }),
  s3,
  http: object({ url: string, headers: list(object({ name: string, value: string }, "name")), auth: httpAuth }, "url"),
  raw: object({ data: string }, "data"),
  git,
  gcs: open({ key: string, bucket: string, serviceAccountKeySecret: secretKey }),
  azure: open({ blob: string }),
  oss,
  hdfs: open({ path: string, addresses: list(string), hdfsUser: string, force: boolean }),
  artifactory: open({ ...basicAuth, url: string }),
  plugin: any,
};
const gcFields = { strategy: string, podMetadata: metadata, serviceAccountName: string };
const artifact = object(
  {
    ...location,
    name: string,
    path: string,
    mode: integer,
    recurseMode: boolean,
    from: string,
    fromExpression: string,
    subPath: string,
    globalName: string,
    archive: object({ none: object({}), tar: object({ compressionLevel: integer }), zip: object({}) }),
    optional: boolean,
    artifactGC: object(gcFields),
    deleted: boolean,
  },
  "name",
);
export const argumentsShape: Shape = object({ parameters: list(parameter), artifacts: list(artifact) });
const outputs = object({ parameters: list(parameter), artifacts: list(artifact), result: string, exitCode: string });

const templateRef = object({ name: string, template: string, clusterScope: boolean });
const hook = object({ template: string, templateRef, arguments: argumentsShape, expression: string });
const invocation = {
  name: string,
  template: string,
  templateRef,
  inline: { is: "lazy", of: () => templateShape } as Shape,
  arguments: argumentsShape,
  when: string,
  withItems: list(any),
  withParam: string,
  withSequence: object({ count: number, start: number, end: number, format: string }),
  continueOn: object({ error: boolean, failed: boolean }),
  onExit: string,
  hooks: map(hook),
};
const task = object({ ...invocation, dependencies: list(string), depends: string }, "name");
const retryStrategy = object({
  limit: number,
  retryPolicy: { is: "string", enum: ["Always", "OnFailure", "OnError", "OnTransientError"] },
  backoff: object({ duration: string, factor: number, cap: string, maxDuration: string }),
  expression: string,
  affinity: object({ nodeAntiAffinity: object({}) }),
});
const mutex = object({ name: string, namespace: string, database: boolean });
const semaphore = object({
  configMapKeyRef: configMapKey,
  namespace: string,
  database: object({ key: string }),
});
const synchronization = object({ mutex, mutexes: list(mutex), semaphore, semaphores: list(semaphore) });
const userContainer = builtin("core/v1.Container", { mirrorVolumeMounts: boolean });

const metric = object(
  {
    name: string,
    help: string,
    labels: list(object({ key: string, value: string }, "key", "value")),
    when: string,
    gauge: object(
      { value: string, realtime: boolean, operation: { is: "string", enum: ["", "Set", "Add", "Sub"] } },
      "value",
    ),
    counter: object({ value: string }, "value"),
    histogram: object({ value: string, buckets: list(any) }, "value", "buckets"),
  },
  "name",
  "help",
);

/** What templates and whole workflows both say about their pods. */
const podFields = {
  affinity: builtin("core/v1.Affinity"),
  automountServiceAccountToken: boolean,
  executor: object({ serviceAccountName: string }),
  hostAliases: list(builtin("core/v1.HostAlias")),
  nodeSelector: map(string),
  podSpecPatch: string,
  podResources: builtin("core/v1.ResourceRequirements"),
  schedulerName: string,
  securityContext: builtin("core/v1.PodSecurityContext"),
  serviceAccountName: string,
  tolerations: list(builtin("core/v1.Toleration")),
  volumes: list(builtin("core/v1.Volume")),
  retryStrategy,
  synchronization,
  metrics: object({ prometheus: list(metric) }, "prometheus"),
  parallelism: integer,
};

export const templateShape: Shape = object({
  ...podFields,
  name: string,
  inputs: argumentsShape,
  outputs,
  annotations: map(string),
  container: builtin("core/v1.Container"),
  script: builtin("core/v1.Container", { source: string }),
  steps: list(list(object(invocation))),
  dag: object({ tasks: list(task), target: string, failFast: boolean }, "tasks"),
  suspend: object({ duration: number }),
  resource: object(
    {
      action: string,
      manifest: string,
      manifestFrom: object({ artifact }, "artifact"),
      mergeStrategy: string,
      setOwnerReference: boolean,
      successCondition: string,
      failureCondition: string,
      flags: list(string),
    },
    "action",
  ),
  containerSet: object(
    {
      containers: list(builtin("core/v1.Container", { dependencies: list(string) })),
      volumeMounts: list(builtin("core/v1.VolumeMount")),
      retryStrategy: object({ retries: number, duration: string }, "retries"),
    },
    "containers",
  ),
  http: object(
    {
      url: string,
      method: string,
      headers: list(object({ name: string, value: string, valueFrom: object({ secretKeyRef: secretKey }) }, "name")),
      timeoutSeconds: integer,
      successCondition: string,
      body: string,
      bodyFrom: object({ bytes: string }),
      insecureSkipVerify: boolean,
    },
    "url",
  ),
  data: object(
    {
      source: object({ artifactPaths: artifact }),
      transformation: list(object({ expression: string })),
    },
    "source",
  ),
  plugin: any,
  activeDeadlineSeconds: number,
  timeout: string,
  pendingTimeout: string,
  failFast: boolean,
  daemon: boolean,
  memoize: object({ key: string, maxAge: string, cache: object({ configMap: configMapKey }, "configMap") }, "key"),
  metadata,
  archiveLocation: object(location),
  initContainers: list(userContainer),
  sidecars: list(userContainer),
  priorityClassName: string,
});

const workflowFields: Record<string, Shape> = {
  ...podFields,
  entrypoint: string,
  arguments: argumentsShape,
  templates: list(templateShape),
  templateDefaults: templateShape,
  workflowTemplateRef: object({ name: string, clusterScope: boolean }),
  onExit: string,
  hooks: map(hook),
  suspend: boolean,
  shutdown: { is: "string", enum: ["", "Stop", "Terminate"] },
  activeDeadlineSeconds: integer,
  priority: integer,
  ttlStrategy: object({ secondsAfterCompletion: integer, secondsAfterSuccess: integer, secondsAfterFailure: integer }),
  podGC: object({
    strategy: string,
    labelSelector: builtin("meta/v1.LabelSelector"),
    deleteDelayDuration: string,
  }),
  archiveLogs: boolean,
  artifactGC: object({ ...gcFields, forceFinalizerRemoval: boolean, podSpecPatch: string }),
  artifactRepositoryRef: object({ configMap: string, key: string }),
  volumeClaimTemplates: list(builtin("core/v1.PersistentVolumeClaim")),
  volumeClaimGC: object({ strategy: string }),
  workflowMetadata: object({
    labels: map(string),
    annotations: map(string),
    labelsFrom: map(object({ expression: string }, "expression")),
  }),
  dnsConfig: builtin("core/v1.PodDNSConfig"),
  dnsPolicy: string,
  hostNetwork: boolean,
  imagePullSecrets: list(builtin("core/v1.LocalObjectReference")),
  podDisruptionBudget: builtin("policy/v1.PodDisruptionBudgetSpec"),
  podMetadata: metadata,
  podPriorityClassName: string,
  podPriority: integer,
};
export const workflowSpecShape: Shape = object(workflowFields);

export const cronWorkflowSpecShape: Shape = object(
  {
    workflowSpec: workflowSpecShape,
    workflowMetadata: builtin("meta/v1.ObjectMeta"),
    schedule: string,
    schedules: list(string),
    timezone: string,
    concurrencyPolicy: { is: "string", enum: ["", "Allow", "Forbid", "Replace"] },
    startingDeadlineSeconds: integer,
    successfulJobsHistoryLimit: integer,
    failedJobsHistoryLimit: integer,
    suspend: boolean,
    when: string,
    stopStrategy: object({ expression: string }, "expression"),
  },
  "workflowSpec",
);

export const eventBindingSpecShape: Shape = object(
  {
    event: object({ selector: string }, "selector"),
    submit: object(
      {
        workflowTemplateRef: object({ name: string, clusterScope: boolean }),
        metadata: builtin("meta/v1.ObjectMeta"),
        arguments: argumentsShape,
      },
      "workflowTemplateRef",
    ),
  },
  "event",
);
