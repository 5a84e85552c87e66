// The tree of nodes as a retry sees it. Source: argo-workflows workflow/util, resetPath.
import type { NodeStatus } from "@capstan/api/kinds/workflow";
import { StatusError } from "@capstan/api/meta";

export interface Tree {
  all: NodeStatus[];
  /** The nodes that it is a child of: what it is a part of, or what it comes after. */
  parents(id: string): NodeStatus[];
  children(node: NodeStatus): NodeStatus[];
  /** The node of the template that it is a part of. */
  boundary(node: NodeStatus): NodeStatus | undefined;
  /** Itself and all below it, level by level. */
  order(id: string): Set<string>;
}

export function createTree(nodes: Record<string, NodeStatus>): Tree {
  const parents = new Map<string, NodeStatus[]>();
  for (const node of Object.values(nodes))
    for (const id of node.children ?? []) parents.set(id, [...(parents.get(id) ?? []), node]);
  const children = (node: NodeStatus) => (node.children ?? []).flatMap((id) => nodes[id] ?? []);
  return {
    all: Object.values(nodes),
    parents: (id) => parents.get(id) ?? [],
    children,
    boundary: ({ boundaryID = "" }) => nodes[boundaryID],
    order(id) {
      const seen = new Set(nodes[id] ? [id] : []);
      for (const next of seen) for (const child of children(nodes[next] as NodeStatus)) seen.add(child.id);
      return seen;
    },
  };
}

/** Whether a node below has succeeded and will not run again. Hooks follow what has failed too. */
export function hasSucceededBelow(tree: Tree, node: NodeStatus, again: Set<string>): boolean {
  const below = new Set([node]);
  for (const one of below) {
    if (one !== node && one.phase === "Succeeded" && !again.has(one.id)) return true;
    for (const child of tree.children(one)) if (!child.nodeFlag?.hooked) below.add(child);
  }
  return false;
}

export interface ResetPath {
  reset: Set<string>;
  gone: Set<string>;
}

/**
 * For a node to run again: what goes with it, and what around it has to run on. What it only came after stays as it is.
 * @throws StatusError BadRequest for nodes that lie in one another.
 */
export function resetPath(tree: Tree, node: NodeStatus): ResetPath {
  const path: ResetPath = { reset: new Set(), gone: tree.order(node.id) };
  const seen = new Set<string>();
  for (let at: NodeStatus | undefined = node; at; at = tree.boundary(at)) {
    if (seen.has(at.id)) throw new StatusError("BadRequest", `node ${at.id} lies in itself: the status is damaged`);
    seen.add(at.id);
    // A container runs again with its pod, and all of that.
    if (at.type === "Pod" && at !== node) for (const id of tree.order(at.id)) path.gone.add(id);
    else if (at !== node) path.reset.add(at.id);
    for (const around of enclosing(tree, at)) path.reset.add(around.id);
  }
  return path;
}

/** The Retry node, the loop's and the group of steps that a node is a part of, from the inside. */
function enclosing(tree: Tree, node: NodeStatus): NodeStatus[] {
  const found: NodeStatus[] = [];
  let at = node;
  const step = (type: string) => {
    const parent = tree.parents(at.id).find((one) => one.type === type && contains(one, at));
    if (!parent) return;
    found.push(parent);
    at = parent;
  };
  // What a hook belongs to has run; its step or task waits for the hook.
  const hooked = node.nodeFlag?.hooked
    ? tree.parents(node.id).find(({ name }) => node.name.startsWith(`${name}.`))
    : undefined;
  if (hooked) at = hooked;
  for (const type of ["Retry", "TaskGroup", "StepGroup"]) step(type);
  return found;
}

/** It is a part of the other, not what comes after it. */
function contains({ name, type, boundaryID }: NodeStatus, inner: NodeStatus): boolean {
  if (boundaryID !== inner.boundaryID) return false;
  return type === "StepGroup" ? inner.name.startsWith(`${name}.`) : inner.name.startsWith(`${name}(`);
}
