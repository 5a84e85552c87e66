// A workflow that was resubmitted with the results of another begins with that one's nodes. Source: argo-workflows
// workflow/util FormulateResubmitWorkflow: pods that succeeded are skipped, all else is pending.
import type { NodeStatus } from "@capstan/api/kinds/workflow";
import { label } from "./names.ts";
import { attemptsOf } from "./outbound.ts";
import { isOver } from "./phase.ts";
import type { Run } from "./run.ts";

export function isTakenOver({ workflow }: Run): boolean {
  return workflow.metadata.labels?.[label("resubmitted-from-workflow")] !== undefined;
}

/** Ends nodes that wait for nothing: what they belong to will not be done again. */
export function settleTakenOver(run: Run): void {
  const nodes = Object.values(run.nodes);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  // What was left out is drawn again when it is made again.
  for (const node of nodes) {
    if (!node.children?.every((id) => run.nodes[id]))
      node.children = node.children?.filter((id) => run.nodes[id]) ?? [];
  }
  for (const node of nodes) {
    if (node.type !== "Retry") continue;
    for (const before of attemptsOf(run, node).slice(0, -1)) if (!isOver(before)) run.mark(before, "Omitted");
  }
  for (const node of nodes) {
    if (node.phase !== "Pending") continue;
    const owner = node.nodeFlag?.hooked ? byName.get(node.name.replace(/\.(?:onExit|hooks\.[^.]+)$/, "")) : undefined;
    const around = overAround(run, node);
    if (around) run.mark(node, node.type === "Container" ? (around.phase ?? "Omitted") : "Omitted");
    else if (owner && isOver(owner)) run.mark(node, "Omitted");
  }
}

/** The nearest node around it that is over. */
function overAround(run: Run, node: NodeStatus): NodeStatus | undefined {
  const seen = new Set<string>();
  for (let at = run.nodes[node.boundaryID ?? ""]; at && !seen.has(at.id); at = run.nodes[at.boundaryID ?? ""]) {
    if (isOver(at)) return at;
    seen.add(at.id);
  }
  return undefined;
}
