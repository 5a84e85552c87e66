// Sums over the tree of nodes: progress and resources.
import type { NodeStatus } from "@capstan/api/kinds/workflow";
import type { Share, Sums } from "./ledger.ts";
import { onExitName } from "./names.ts";
import type { Run } from "./run.ts";

/** Nodes that are no sum: what lies below a step group is all that comes after it. */
const ownProgress = new Set(["Pod", "HTTP", "Plugin", "Container", "Suspend", "StepGroup", "Skipped"]);
/** Above this many nodes only the whole workflow is summed, not every branch. */
const branchLimit = 200;

export function sumUp(run: Run): void {
  const { sums, exitSums, unsummed } = run.ledger;
  const exit = onExitName(run.name);
  for (const id of unsummed) {
    const node = run.nodes[id];
    if (!node) continue;
    if (["Succeeded", "Skipped", "Omitted"].includes(node.phase ?? "")) node.progress = completed(node.progress);
    const [done, all] = read(node.progress);
    const share = { done, all, resources: node.resourcesDuration };
    put(sums, id, share);
    if (node.name.startsWith(exit)) put(exitSums, id, share);
  }
  unsummed.clear();
  if (sums.all > 0) run.status.progress = `${sums.done}/${sums.all}`;
  if (Object.keys(sums.resources).length > 0) run.status.resourcesDuration = { ...sums.resources };
  const root = run.nodes[run.name];
  if (run.ledger.nodes <= branchLimit) for (const node of Object.values(run.nodes)) sumBranch(run, node);
  else if (root) sumRoot(root, sums, exitSums);
}

function put(sums: Sums, id: string, share: Share): void {
  add(sums, sums.shares.get(id), -1);
  add(sums, share, 1);
  sums.shares.set(id, share);
}

function add(sums: Sums, share: Share | undefined, by: 1 | -1): void {
  if (!share) return;
  sums.done += by * share.done;
  sums.all += by * share.all;
  for (const [resource, amount] of Object.entries(share.resources ?? {})) {
    sums.resources[resource] = (sums.resources[resource] ?? 0) + by * amount;
  }
}

const read = (progress: string | undefined): [number, number] => {
  const [done = 0, all = 1] = (progress ?? "0/1").split("/").map(Number);
  return [done, all];
};
const completed = (progress: string | undefined) => {
  const [, all] = read(progress);
  return `${all}/${all}`;
};

/** Below the root is everything but the exit handler. */
function sumRoot(root: NodeStatus, sums: Sums, exitSums: Sums): void {
  if (ownProgress.has(root.type)) return;
  if (sums.all > exitSums.all) root.progress = `${sums.done - exitSums.done}/${sums.all - exitSums.all}`;
  const resources: Record<string, number> = {};
  for (const [resource, amount] of Object.entries(sums.resources)) {
    const rest = amount - (exitSums.resources[resource] ?? 0);
    if (rest > 0) resources[resource] = rest;
  }
  if (Object.keys(resources).length > 0) root.resourcesDuration = resources;
}

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
