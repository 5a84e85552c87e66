import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";

// A pod's name has at most 253 characters, of which a dash and the hash take 11. Source: argo-workflows util.GeneratePodName.
const longestPrefix = 242;

/** Name of the pod that runs a node. Source: argo-workflows, pod name formats v1 and v2. */
export function podNameOf(workflow: Workflow, node: NodeStatus): string {
  const { name, annotations } = workflow.metadata;
  if (annotations?.["workflows.argoproj.io/pod-name-format"] === "v1") return node.id;
  if (node.name === name) return name;
  const template = node.templateRef?.template ?? node.templateName ?? "";
  const prefix = template === "" ? name : `${name}-${template}`;
  return `${prefix.slice(0, longestPrefix)}-${fnv1a(node.name)}`;
}

/** 32-bit FNV-1a of the UTF-8 bytes. Source: RFC 9923. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
