// Sums over the tree of nodes: progress and resources.
import type { NodeStatus } from "@capstan/api/kinds/workflow";
import type { Run } from "./run.ts";

/** Nodes that are no sum: what lies below a step group is all that comes after it. */
const ownProgress = new Set(["Pod", "HTTP", "Plugin", "Container", "Suspend", "StepGroup", "Skipped"]);
/** Above this many nodes only the whole workflow is summed, not every branch. */
const branchLimit = 500;

export function sumUp(run: Run): void {
  let [done, all] = [0, 0];
  const resources: Record<string, number> = {};
  const nodes = Object.values(run.nodes);
  for (const node of nodes) {
    if (node.type !== "Pod") continue;
    if (["Succeeded", "Skipped", "Omitted"].includes(node.phase ?? "")) node.progress = completed(node.progress);
    const [mine, of] = read(node.progress);
    done += mine;
    all += of;
    for (const [resource, amount] of Object.entries(node.resourcesDuration ?? {})) {
      resources[resource] = (resources[resource] ?? 0) + amount;
    }
  }
  if (all > 0) run.status.progress = `${done}/${all}`;
  if (Object.keys(resources).length > 0) run.status.resourcesDuration = resources;
  const root = run.nodes[run.name];
  if (nodes.length <= branchLimit) for (const node of nodes) sumBranch(run, node);
  else if (root) sumBranch(run, root);
}

const read = (progress: string | undefined): [number, number] => {
  const [done = 0, all = 1] = (progress ?? "0/1").split("/").map(Number);
  return [done, all];
};
const completed = (progress: string | undefined) => {
  const [, all] = read(progress);
  return `${all}/${all}`;
};

function sumBranch(run: Run, node: NodeStatus): void {
  if (ownProgress.has(node.type)) return;
  const seen = new Set<string>();
  const open = [...(node.children ?? [])];
  let [done, all] = [0, 0];
  const resources: Record<string, number> = {};
  while (open.length > 0) {
    const id = open.pop() as string;
    const child = run.nodes[id];
    if (!child || seen.has(id)) continue;
    seen.add(id);
    open.push(...(child.children ?? []));
    if (child.type !== "Pod") continue;
    const [mine, of] = read(child.progress);
    done += mine;
    all += of;
    for (const [resource, amount] of Object.entries(child.resourcesDuration ?? {})) {
      resources[resource] = (resources[resource] ?? 0) + amount;
    }
  }
  if (all > 0) node.progress = `${done}/${all}`;
  if (Object.keys(resources).length > 0) node.resourcesDuration = resources;
}
