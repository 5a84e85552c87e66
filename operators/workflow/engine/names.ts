// Names of nodes and pods, as upstream computes them: tools recompute pod names from them.

/** 32-bit FNV-1a of the UTF-8 bytes. Source: draft-eastlake-fnv. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash >>> 0;
}

/** 64-bit FNV-1a: for the second of two names whose 32-bit hashes are the same. */
export function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}

export function nodeId(workflow: string, node: string): string {
  return node === workflow ? workflow : `${workflow}-${fnv1a32(node)}`;
}

/** Longest prefix of a pod name: 253 less the hash's ten digits and a dash. */
const prefixLimit = 242;

/** The v2 form; the v1 form is the node's ID. */
export function podName(workflow: string, node: string, template: string, id: string, format = "v2"): string {
  if (format === "v1") return id;
  if (node === workflow) return workflow;
  const prefix = template ? `${workflow}-${template}` : workflow;
  return `${prefix.slice(0, prefixLimit)}-${fnv1a32(node)}`;
}

export const onExitName = (node: string) => `${node}.onExit`;
export const hookName = (node: string, hook: string) => `${node}.hooks.${hook}`;

/** `step(0:item)`; parentheses in the item are left out. */
export function itemName(step: string, index: number, description: string): string {
  return `${step}(${index}:${description.replace(/[()]/g, "")})`;
}

/** The step's or task's own name: without the boundary, the loop's item and the retry's number. */
export function invocationName(node: string): string {
  const last = node.replace(/(\([^()]*\))+$/, "");
  return last.slice(last.lastIndexOf(".") + 1);
}

export const label = (name: string) => `workflows.argoproj.io/${name}`;
export const labels = {
  workflow: label("workflow"),
  completed: label("completed"),
  phase: label("phase"),
  onExit: label("on-exit"),
  component: label("component"),
  nodeId: label("node-id"),
  nodeName: label("node-name"),
  podNameFormat: label("pod-name-format"),
  podGcStrategy: label("pod-gc-strategy"),
  reportOutputsCompleted: label("report-outputs-completed"),
  archivingStatus: label("workflow-archiving-status"),
  cronWorkflow: label("cron-workflow"),
  workflowTemplate: label("workflow-template"),
  clusterWorkflowTemplate: label("cluster-workflow-template"),
  scheduledTime: label("scheduled-time"),
} as const;
