// Nodes that are pods: asks for the pod as soon as nothing forbids it.
import type { NodePhase, NodeStatus, Template } from "@capstan/api/kinds/workflow";
import { invocationName } from "./names.ts";
import { isOver } from "./phase.ts";
import { buildPod } from "./pod/build.ts";
import type { Run } from "./run.ts";

export function requestPod(
  run: Run,
  node: NodeStatus,
  template: Template,
  { onExit, deadline, avoid = [] }: { onExit: boolean; deadline?: number; avoid?: string[] },
): NodeStatus {
  if (isOver(node)) return node;
  if (template.containerSet) addContainers(run, node, template);
  const name = run.podName(node);
  if (run.world.pod(name)) {
    // It was made before this node was written.
    run.memory.attention.tell(node.id);
    return node;
  }
  if (run.shutdown === "Terminate" || (run.shutdown === "Stop" && !onExit)) {
    return failWhole(run, node, `workflow shutdown with strategy: ${run.shutdown}`);
  }
  if (run.pastDeadline && !onExit) return failWhole(run, node, "Step exceeded its deadline");
  const failure = run.world.podFailure(name);
  if (failure && !failure.passing) return run.mark(node, "Error", failure.message);
  if (failure) return run.mark(node, "Pending", failure.message);
  if (run.workflow.spec.suspend) return node;
  const includeResult = isResultUsed(run, node);
  const pod = buildPod(run, node, template, { onExit, includeResult, avoid, ...(deadline ? { deadline } : {}) });
  run.effects.push({ do: "create pod", pod });
  return node;
}

/** A pod's node, and those of its containers, which have failed. */
export function failWhole(run: Run, node: NodeStatus, message: string, phase: NodePhase = "Failed"): NodeStatus {
  for (const child of run.childrenOf(node)) {
    if (child.boundaryID === node.id && child.type === "Container" && !isOver(child)) failWhole(run, child, message);
  }
  return run.mark(node, phase, message);
}

/** A containerSet's containers are nodes too, drawn by what they depend on. */
function addContainers(run: Run, node: NodeStatus, template: Template): void {
  const containers = template.containerSet?.containers ?? [];
  if (containers.length === 0 || run.node(`${node.name}.${containers[0]?.name}`)) return;
  for (const { name } of containers) {
    run.addNode({
      name: `${node.name}.${name}`,
      type: "Container",
      phase: "Pending",
      context: { scope: node.templateScope ?? "" },
      reference: { ...(node.templateName ? { template: node.templateName } : {}) },
      boundary: node.id,
    });
  }
  for (const { name, dependencies = [] } of containers) {
    const child = run.node(`${node.name}.${name}`) as NodeStatus;
    if (dependencies.length === 0) run.addChild(node, child);
    for (const before of dependencies) {
      const parent = run.node(`${node.name}.${before}`);
      if (parent) run.addChild(parent, child);
    }
  }
}

const used = new WeakMap<Template, Set<string>>();

/** Whether somebody names this node's `outputs.result`: only then is it kept. */
function isResultUsed(run: Run, node: NodeStatus): boolean {
  const boundary = node.boundaryID ? run.nodes[node.boundaryID] : undefined;
  const template = boundary && run.memory.processed.get(boundary.id);
  if (!template) return false;
  let names = used.get(template);
  if (!names) {
    const pattern = /(?:steps|tasks)(?:\.([\w-]+)|\[\s*\\?["']([^"'\\]+)\\?["']\s*\])\.outputs\.result/g;
    names = new Set(
      [...JSON.stringify(template).matchAll(pattern)].map(([, dotted, quoted]) => dotted ?? quoted ?? ""),
    );
    used.set(template, names);
  }
  return names.has(invocationName(node.name));
}
