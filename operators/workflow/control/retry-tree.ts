// The tree of nodes as a retry sees it. Source: argo-workflows workflow/util resetPath and resetBoundaries.
import type { NodeStatus } from "@capstan/api/kinds/workflow";
import { StatusError } from "@capstan/api/meta";
import { hasFailed } from "../engine/phase.ts";

export interface Tree {
  all: NodeStatus[];
  /** A node that it is a child of. */
  parent(id: string): NodeStatus | undefined;
  children(node: NodeStatus): NodeStatus[];
  /** Itself and all below it, level by level. */
  order(id: string): Set<string>;
}

export function createTree(nodes: Record<string, NodeStatus>): Tree {
  const parents = new Map<string, NodeStatus>();
  for (const node of Object.values(nodes)) for (const id of node.children ?? []) parents.set(id, node);
  const children = (node: NodeStatus) => (node.children ?? []).flatMap((id) => nodes[id] ?? []);
  return {
    all: Object.values(nodes),
    parent: (id) => parents.get(id),
    children,
    order(id) {
      const seen = new Set(nodes[id] ? [id] : []);
      for (const next of seen) for (const child of children(nodes[next] as NodeStatus)) seen.add(child.id);
      return seen;
    },
  };
}

/** Whether a node below has succeeded and will not run again. */
export function hasSucceededBelow(tree: Tree, node: NodeStatus, again: Set<string>): boolean {
  const below = tree.order(node.id);
  below.delete(node.id);
  return tree.all.some(({ id, phase }) => phase === "Succeeded" && below.has(id) && !again.has(id));
}

const groups = new Set(["DAG", "TaskGroup", "StepGroup", "Steps"]);

export interface ResetPath {
  reset: Set<string>;
  gone: Set<string>;
}

/** For a node to run again: what goes with it, and what around it has to run on. */
export function resetPath(tree: Tree, id: string): ResetPath {
  const path: ResetPath = { reset: new Set(), gone: tree.order(id) };
  let at = tree.all.find((node) => node.id === id);
  if (at && !tree.parent(id)) return path;
  while (at) {
    if (groups.has(at.type)) {
      path.reset.add(at.id);
      at = resetBoundaries(tree, at, path);
    } else if (at.type === "Container") {
      at = climb(tree, at, ({ type }) => type === "Pod");
      for (const one of tree.order(at.id)) path.gone.add(one);
      // The pod itself is gone: what is around it is found from there.
      at = tree.parent(at.id);
    } else {
      if (at.type === "Retry" && hasFailed(at)) path.reset.add(at.id);
      at = tree.parent(at.id);
    }
  }
  return path;
}

/** Resets the boundary of a group, the boundary of that, and so on to the top. */
function resetBoundaries(tree: Tree, from: NodeStatus, path: ResetPath): NodeStatus | undefined {
  let at = from;
  for (;;) {
    let parent = tree.parent(at.id);
    if (parent?.type === "Retry") {
      path.reset.add(parent.id);
      at = parent;
      parent = tree.parent(at.id);
    }
    if (parent?.type === "StepGroup" || parent?.type === "TaskGroup") path.reset.add(parent.id);
    const { boundaryID } = at;
    if (!boundaryID) return parent;
    at = climb(tree, at, ({ id }) => id === boundaryID);
    path.reset.add(at.id);
  }
}

function climb(tree: Tree, from: NodeStatus, matches: (node: NodeStatus) => boolean): NodeStatus {
  const seen = new Set<string>();
  for (let at: NodeStatus | undefined = from; at && !seen.has(at.id); at = tree.parent(at.id)) {
    if (matches(at)) return at;
    seen.add(at.id);
  }
  throw new StatusError("BadRequest", `node ${from.id} hangs on no node that it belongs to: the status is damaged`);
}
