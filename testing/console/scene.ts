// A cluster that looks lived in: every kind that the console shows, in good and in bad states.
import { isDeepStrictEqual } from "node:util";
import {
  EndpointSlices,
  Events,
  Namespaces,
  Nodes,
  Pods,
  ResourceQuotas,
  RoleBindings,
  Roles,
  ServiceAccounts,
  Services,
} from "@capstan/api/generated/resources";
import { Domains } from "@capstan/api/kinds/domain";
import { HttpRoutes } from "@capstan/api/kinds/gateway";
import { Models } from "@capstan/api/kinds/model";
import type { ModelSignature, Signature } from "@capstan/api/kinds/model-signature";
import { InferenceServices } from "@capstan/api/kinds/serving";
import { Workflows, WorkflowTemplates } from "@capstan/api/kinds/workflow";
import type { KubeObject, New, Resource } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { fanOut, idOf, pipelineRun, report, template } from "./scene-workflows.ts";

const namespace = "quickstart";
const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+Z/, "Z");

export interface SceneOptions {
  client: Client;
  /** Of the model server behind the service `islands`. */
  modelPort: number;
  signature: ModelSignature;
}

/** Fills the cluster. Kinds must have been defined. */
export async function fillScene({ client, modelPort, signature }: SceneOptions): Promise<void> {
  await fillDomains(client);
  await fillNodes(client);
  await fillWorkflows(client);
  await fillModels(client, signature);
  await fillServices(client, modelPort);
}

/** Creates, then writes what of the status the create left out. */
async function put<T extends KubeObject & { status?: unknown }>(
  client: Client,
  resource: Resource<T>,
  object: New<T> & { status?: T["status"] },
): Promise<T> {
  const made = await client.create(resource, object);
  if (object.status === undefined || isDeepStrictEqual(made.status, object.status)) return made;
  return client.updateStatus(resource, { ...made, status: object.status });
}

async function fillDomains(client: Client): Promise<void> {
  for (const name of ["quickstart", "risk-lab", "partner-bank"]) {
    await client.create(Namespaces, {
      metadata: { name, labels: { "kuscia.secretflow/domain-name": name } },
      spec: {},
    });
  }
  await client.create(Domains, { metadata: { name: "quickstart" }, spec: {} });
  await client.create(Domains, {
    metadata: { name: "risk-lab" },
    spec: { resourceQuota: { podMaxCount: 20, cpu: "4", memory: "8Gi" } },
  });
  await client.create(Domains, { metadata: { name: "partner-bank" }, spec: { role: "partner" } });
  const hard = { pods: "20", "requests.cpu": "4", "requests.memory": "8Gi" };
  const used = { pods: "19", "requests.cpu": "1500m", "requests.memory": "3Gi" };
  await put(client, ResourceQuotas, {
    metadata: { name: "resource-limitation", namespace: "risk-lab" },
    spec: { hard },
    status: { hard, used },
  });
  await client.create(Roles, {
    metadata: { name: "risk-lab", namespace: "risk-lab" },
    rules: [{ apiGroups: ["argoproj.io"], resources: ["*"], verbs: ["get", "list", "watch"] }],
  });
  await client.create(ServiceAccounts, { metadata: { name: "ana", namespace: "risk-lab" } });
  await client.create(RoleBindings, {
    metadata: { name: "members", namespace: "risk-lab" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "risk-lab" },
    subjects: [{ kind: "ServiceAccount", name: "ana", namespace: "risk-lab" }],
  });
}

async function fillNodes(client: Client): Promise<void> {
  const capacity = { cpu: "2", memory: "8148Mi", pods: "110" };
  const condition = { type: "Ready", status: "True", reason: "KubeletReady", lastHeartbeatTime: ago(3) };
  await put(client, Nodes, {
    metadata: { name: "capstan", labels: { "node-role.kubernetes.io/control-plane": "" } },
    spec: {},
    status: {
      capacity,
      allocatable: capacity,
      conditions: [condition],
      nodeInfo: {
        kubeletVersion: "v1.34.1+capstan",
        osImage: "Debian GNU/Linux 12 (bookworm)",
        kernelVersion: "6.1.0",
      },
    } as never,
  });
}

const argo = "workflows.argoproj.io";

async function fillWorkflows(client: Client): Promise<void> {
  await client.create(WorkflowTemplates, template);
  const bad = "column `bill_lenght_mm` is not in the table: did you mean `bill_length_mm`?";
  await put(client, Workflows, fanOut("word-count-x7k2m", 6));
  await put(
    client,
    Workflows,
    pipelineRun({ name: "penguins-5dq8w", ago: 86_400, until: 2, failed: { step: "select-columns", message: bad } }),
  );
  await put(client, Workflows, pipelineRun({ name: "penguins-8k2pq", ago: 3600, until: 11 }));
  await put(client, Workflows, pipelineRun({ name: "penguins-zt4rn", ago: 8, until: 7.5 }));
  for (const step of ["gbdt", "evaluate"]) await fillStepPod(client, "penguins-8k2pq", step);
  await client.create(Events, {
    metadata: { name: "penguins-8k2pq.1", namespace },
    involvedObject: { kind: "Workflow", name: "penguins-8k2pq", namespace, apiVersion: "argoproj.io/v1alpha1" },
    reason: "WorkflowSucceeded",
    message: "Workflow completed",
    type: "Normal",
    count: 1,
    lastTimestamp: ago(3589),
    source: { component: "workflow-controller" },
  });
}

async function fillStepPod(client: Client, workflow: string, step: string): Promise<void> {
  const id = idOf(workflow, `${workflow}.${step}`);
  const state = { terminated: { exitCode: 0, reason: "Completed", startedAt: ago(3594), finishedAt: ago(3591) } };
  const status = (name: string) => ({
    name,
    state,
    ready: false,
    restartCount: 0,
    image: "capstan/components",
    imageID: "",
  });
  await put(client, Pods, {
    metadata: {
      name: `${workflow}-${step}-${id.slice(workflow.length + 1)}`,
      namespace,
      labels: { [`${argo}/workflow`]: workflow, [`${argo}/completed`]: "true" },
      annotations: { [`${argo}/node-name`]: `${workflow}.${step}`, "kubectl.kubernetes.io/default-container": "main" },
    },
    spec: {
      nodeName: "capstan",
      initContainers: [{ name: "init", image: "capstan/executor" }],
      containers: [
        { name: "wait", image: "capstan/executor" },
        { name: "main", image: "capstan/components", command: ["capstan-component"], args: [step] },
      ],
    },
    status: {
      phase: "Succeeded",
      podIP: "10.42.0.17",
      containerStatuses: [status("wait"), status("main")],
      initContainerStatuses: [{ ...status("init"), ready: true }],
    } as never,
  });
}

const penguinInputs: Signature["inputs"] = [
  { name: "island", dtype: "string", shape: [-1, 1], nullable: true, values: ["Biscoe", "Dream", "Torgersen"] },
  { name: "bill_length_mm", dtype: "float32", shape: [-1, 1], nullable: true, range: { minimum: 32.1, maximum: 59.6 } },
  { name: "bill_depth_mm", dtype: "float32", shape: [-1, 1], nullable: true, range: { minimum: 13.1, maximum: 21.5 } },
  {
    name: "flipper_length_mm",
    dtype: "float32",
    shape: [-1, 1],
    nullable: true,
    range: { minimum: 172, maximum: 231 },
  },
  { name: "body_mass_g", dtype: "float32", shape: [-1, 1], nullable: true, range: { minimum: 2700, maximum: 6300 } },
  { name: "sex", dtype: "string", shape: [-1, 1], nullable: true, values: ["female", "male"] },
];

async function fillModels(client: Client, islands: ModelSignature): Promise<void> {
  const { accuracy, macroF1, logLoss, auc } = report;
  const penguins: ModelSignature = {
    version: 1,
    signatures: {
      serving_default: {
        method_name: "predict",
        inputs: penguinInputs,
        outputs: [
          { name: "species", dtype: "string", shape: [-1] },
          { name: "probabilities", dtype: "float32", shape: [-1, 3] },
        ],
        classLabels: ["Adelie", "Chinstrap", "Gentoo"],
      },
    },
  };
  const version = (number: number, workflow: string, seconds: number, metrics: Record<string, number>) => ({
    version: number,
    framework: "onnx" as const,
    artifact: { key: `quickstart/${workflow}/register/model` },
    metrics,
    signature: { ...penguins },
    createdAt: ago(seconds),
    source: {
      kind: "Workflow" as const,
      name: workflow,
      uid: "0b1f",
      nodeId: idOf(workflow, `${workflow}.register`),
      nodeName: `${workflow}.register`,
    },
  });
  const versions = [
    version(1, "penguins-2fj9d", 90_000, { accuracy: 0.942, macroF1: 0.931, logLoss: 0.18, auc: 0.982 }),
    version(2, "penguins-8k2pq", 3589, { accuracy, macroF1, logLoss, auc }),
  ];
  await put(client, Models, {
    metadata: { name: "penguins", namespace },
    spec: { versions },
    status: {
      latestVersion: 2,
      versions: [
        { version: 1, state: "Missing", message: "quickstart/penguins-2fj9d/register/model: no such directory" },
        { version: 2, state: "Available", servedBy: ["penguins"] },
      ],
    },
  });
  await put(client, Models, {
    metadata: { name: "islands", namespace },
    spec: {
      versions: [{ version: 1, framework: "onnx", artifact: { key: "quickstart/islands" }, signature: { ...islands } }],
    },
    status: { latestVersion: 1, versions: [{ version: 1, state: "Available", servedBy: ["islands"] }] },
  });
}

async function fillServices(client: Client, modelPort: number): Promise<void> {
  const predictor = (name: string) => ({ model: { modelFormat: { name: "onnx" }, storageUri: `model://${name}` } });
  const status = (type: string, value: "True" | "False", message?: string) => ({
    type,
    status: value,
    lastTransitionTime: ago(120),
    ...(message ? { message, reason: "ModelLoadFailed" } : {}),
  });
  const ready = (["PredictorReady", "IngressReady", "Ready"] as const).map((type) => status(type, "True"));
  for (const name of ["islands", "penguins"]) {
    await put(client, InferenceServices, {
      metadata: { name, namespace },
      spec: { predictor: predictor(name) },
      status: {
        url: `http://${name}-${namespace}.example.com`,
        conditions: ready,
        clusterServingRuntimeName: "capstan-onnx",
        components: { predictor: { modelVersion: name === "penguins" ? 2 : 1 } },
      },
    });
  }
  const why = "model.onnx is not an ONNX model: protobuf parsing failed";
  await put(client, InferenceServices, {
    metadata: { name: "churn", namespace },
    spec: { predictor: predictor("churn") },
    status: {
      conditions: [
        status("PredictorReady", "False", why),
        status("IngressReady", "True"),
        status("Ready", "False", why),
      ],
      modelStatus: {
        transitionStatus: "BlockedByFailedLoad",
        lastFailureInfo: { reason: "ModelLoadFailed", message: why },
      },
    },
  });
  await routeTo(client, "islands", modelPort);
}

/** What the serving operator makes: the Service, its endpoint and the route of the gateway. */
async function routeTo(client: Client, name: string, port: number): Promise<void> {
  await client.create(Services, {
    metadata: { name, namespace },
    spec: { ports: [{ name: "http", port: 80, targetPort: port }] },
  });
  await client.create(EndpointSlices, {
    metadata: { name: `${name}-1`, namespace, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
    ports: [{ name: "http", port, protocol: "TCP" }],
  });
  await client.create(HttpRoutes, {
    metadata: { name, namespace, labels: { "serving.kserve.io/inferenceservice": name } },
    spec: {
      parentRefs: [{ name: "capstan", namespace: "capstan-system" }],
      hostnames: [`${name}-${namespace}.example.com`],
      rules: [{ backendRefs: [{ name, port: 80 }] }],
    },
  });
}
