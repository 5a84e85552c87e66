// What a workflow's succeeded nodes say of models they made.
import { gunzipSync } from "node:zlib";
import type { ModelVersion } from "@capstan/api/kinds/model";
import { type NodeStatus, storeOf, type Template, type Workflow } from "@capstan/api/kinds/workflow";

/** Marks a template whose node makes a model version: its output parameter `model` and its output artifact `model`. */
export const componentAnnotation = "capstan.dev/component";
export const registerComponent = "register";

/** Largest status after decompression, bytes. */
const maxNodesBytes = 64 * 1024 * 1024;

export interface Registration {
  model: string;
  version: Omit<ModelVersion, "version">;
}

export interface Refused {
  nodeId: string;
  problem: string;
}

/** Looks up templates outside of the workflow: by scope (`cluster`, or a namespace) and name. */
export type FindTemplate = (scope: "cluster" | "namespaced", object: string, template: string) => Template | undefined;

/** In the order in which the nodes ended. */
export function registrationsOf(workflow: Workflow, find: FindTemplate): (Registration | Refused)[] {
  return nodesOf(workflow)
    .filter((node) => node.type === "Pod" && node.phase === "Succeeded")
    .filter(
      (node) => templateOf(workflow, node, find)?.metadata?.annotations?.[componentAnnotation] === registerComponent,
    )
    .sort((a, b) => (a.finishedAt ?? "").localeCompare(b.finishedAt ?? ""))
    .map((node) => registrationOf(workflow, node));
}

function nodesOf({ status }: Workflow): NodeStatus[] {
  const { nodes, compressedNodes } = status ?? {};
  if (!compressedNodes) return Object.values(nodes ?? {});
  const text = gunzipSync(Buffer.from(compressedNodes, "base64"), { maxOutputLength: maxNodesBytes }).toString("utf8");
  return Object.values(JSON.parse(text) as Record<string, NodeStatus>);
}

function templateOf({ spec, status }: Workflow, node: NodeStatus, find: FindTemplate): Template | undefined {
  const { templateRef, templateName = "", templateScope = "" } = node;
  if (templateRef?.name && templateRef.template) {
    const scope = templateRef.clusterScope ? "cluster" : "namespaced";
    const key = `${scope}/${templateRef.name}/${templateRef.template}`;
    return status?.storedTemplates?.[key] ?? find(scope, templateRef.name, templateRef.template);
  }
  const local = [...(spec.templates ?? []), ...(status?.storedWorkflowTemplateSpec?.templates ?? [])];
  const stored = status?.storedTemplates?.[`${templateScope}/${templateName}`];
  const [scope, object = ""] = templateScope.split("/");
  if (stored || scope === "local" || scope === "") return stored ?? local.find(({ name }) => name === templateName);
  const outside = scope === "cluster" || scope === "namespaced" ? find(scope, object, templateName) : undefined;
  return outside ?? local.find(({ name }) => name === templateName);
}

function registrationOf(workflow: Workflow, node: NodeStatus): Registration | Refused {
  const refuse = (problem: string): Refused => ({
    nodeId: node.id,
    problem: `node "${node.displayName ?? node.name}": ${problem}`,
  });
  const text = node.outputs?.parameters?.find(({ name }) => name === "model")?.value;
  const artifact = node.outputs?.artifacts?.find(({ name }) => name === "model");
  const key = artifact?.file?.key;
  if (typeof text !== "string") return refuse("no output parameter model");
  const store = artifact && storeOf(artifact);
  if (store && store !== "file")
    return refuse(`the output artifact model is kept in ${store}: models are served from the artifact directory`);
  if (!key) return refuse("no output artifact model with a key");
  const said = parse(text);
  if (!said) return refuse("the output parameter model is not a JSON object");
  const { name, metrics, signature } = said;
  if (typeof name !== "string" || !/^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$/.test(name)) {
    return refuse(
      `model.name: expected lower-case letters, digits and dashes, at most 53, got ${JSON.stringify(name)}`,
    );
  }
  const { uid = "", name: workflowName } = workflow.metadata;
  const source = {
    kind: "Workflow" as const,
    name: workflowName,
    uid,
    nodeId: node.id,
    ...(node.displayName ? { nodeName: node.displayName } : {}),
  };
  const version = {
    framework: "onnx" as const,
    artifact: { key },
    source,
    ...(node.finishedAt ? { createdAt: node.finishedAt } : {}),
    ...(isObject(metrics) ? { metrics } : {}),
    ...(isObject(signature) ? { signature } : {}),
  };
  return { model: name, version };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
