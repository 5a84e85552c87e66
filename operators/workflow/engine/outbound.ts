// How nodes hang together: the last ones of a subtree, from which what follows is drawn.
import type { NodeStatus } from "@capstan/api/kinds/workflow";
import type { Run } from "./run.ts";

/** IDs of the nodes with which a node ends. */
export function outboundOf(run: Run, node: NodeStatus, seen = new Set<string>()): string[] {
  if (seen.has(node.id)) return [];
  seen.add(node.id);
  const children = run.childrenOf(node);
  const below = (nodes: NodeStatus[]) => [...new Set(nodes.flatMap((child) => outboundOf(run, child, seen)))];
  switch (node.type) {
    case "Pod": {
      const inner = children.filter(({ type }) => type === "Container");
      return inner.length === 0 ? [node.id] : below(inner);
    }
    case "Container": {
      const inner = children.filter(({ type }) => type === "Container");
      return inner.length === 0 ? [node.id] : below(inner);
    }
    case "TaskGroup": {
      const inner = children.filter(({ boundaryID }) => boundaryID === node.boundaryID);
      return inner.length === 0 ? [node.id] : below(inner);
    }
    case "Retry": {
      const last = attemptsOf(run, node).at(-1);
      return last ? [last.id] : [node.id];
    }
    case "Steps":
    case "DAG":
      if (node.memoizationStatus?.hit || !node.outboundNodes) return [node.id];
      return below(node.outboundNodes.flatMap((id) => run.nodes[id] ?? []));
    default:
      return [node.id];
  }
}

/** The tries of a Retry node, oldest first, without its hooks. */
export function attemptsOf(run: Run, node: NodeStatus): NodeStatus[] {
  const { length } = node.name;
  return run
    .childrenOf(node)
    .filter(({ name }) => name.startsWith(`${node.name}(`) && /^\(\d+\)$/.test(name.slice(length)));
}

/** Draws `to` after everything with which `from` ends. */
export function connectAfter(run: Run, from: NodeStatus, to: NodeStatus): void {
  for (const id of outboundOf(run, from)) {
    const last = run.nodes[id];
    if (last) run.addChild(last, to);
  }
}

/** Ends the daemons that a template started. */
export function stopDaemons(run: Run, boundary: NodeStatus): void {
  for (const id of run.ledger.daemons) {
    const node = run.nodes[id];
    if (node?.boundaryID !== boundary.id || !node.daemoned) continue;
    if (node.type === "Pod") run.effects.push({ do: "stop pod", name: run.podName(node) });
    delete node.daemoned;
    run.mark(node, "Succeeded");
  }
}
