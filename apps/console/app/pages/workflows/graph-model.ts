// From a workflow's nodes to the picture: which nodes are drawn, and how they hang together.
import type { DAGTask, NodeStatus, Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { isStep, labelOf, type NodeMap } from "./node-map.ts";

export interface GraphNode {
  id: string;
  /** A dot stands for "all of these, then all of those". */
  kind: "step" | "dot";
  label: string;
  detail: string;
  phase: string;
  startedAt?: string;
  finishedAt?: string;
}

export interface Graph {
  nodes: GraphNode[];
  edges: [from: string, to: string][];
}

/** The graph of what has happened and, faintly, of what is still to come. */
export function graphOf(workflow: Workflow, nodes: NodeMap): Graph {
  const drawn = contract(nodes);
  const present = new Set(Object.values(nodes).map((node) => node.name));
  const spec = workflow.status?.storedWorkflowTemplateSpec ?? workflow.spec;
  return addPlan(drawn, spec, workflow.metadata.name, (name) => (present.has(name) ? endsOf(nodes, name) : undefined));
}

/** The graph of a template that has not run. */
export function planOf(spec: WorkflowSpec): Graph {
  return addPlan({ nodes: [], edges: [] }, spec, "", () => undefined);
}

/** Takes structural nodes out and joins what was before and after them. */
function contract(nodes: NodeMap): Graph {
  const after = new Map<string, Set<string>>();
  const before = new Map<string, Set<string>>();
  const connect = (from: string, to: string) => {
    if (!nodes[from] || !nodes[to]) return;
    reach(after, from).add(to);
    reach(before, to).add(from);
  };
  for (const node of Object.values(nodes)) {
    if (node.type === "Retry") chainAttempts(nodes, node, connect);
    else for (const child of node.children ?? []) connect(node.id, child);
  }
  const shown: GraphNode[] = [];
  for (const node of Object.values(nodes)) {
    const into = [...(before.get(node.id) ?? [])];
    const out = [...(after.get(node.id) ?? [])];
    const alone = into.length === 0 && out.length === 0;
    if (isStep(node) || alone) shown.push(stepOf(node, nodes));
    else if (into.length > 1 && out.length > 1) shown.push({ ...stepOf(node, nodes), kind: "dot" });
    else {
      for (const from of into) after.get(from)?.delete(node.id);
      for (const to of out) before.get(to)?.delete(node.id);
      for (const from of into) for (const to of out) connect(from, to);
    }
  }
  const ids = new Set(shown.map((node) => node.id));
  const edges = [...after].flatMap(([from, tos]) => [...tos].map((to): [string, string] => [from, to]));
  return { nodes: shown, edges: edges.filter(([from, to]) => ids.has(from) && ids.has(to)) };
}

/** Attempts follow one another, although they are all children of one node. */
function chainAttempts(nodes: NodeMap, retry: NodeStatus, connect: (from: string, to: string) => void): void {
  let last = retry.id;
  for (const child of retry.children ?? []) {
    const isAttempt = nodes[child]?.name.startsWith(`${retry.name}(`);
    connect(isAttempt ? last : retry.id, child);
    if (isAttempt) last = child;
  }
}

function reach(map: Map<string, Set<string>>, id: string): Set<string> {
  const known = map.get(id) ?? new Set();
  map.set(id, known);
  return known;
}

function stepOf(node: NodeStatus, nodes: NodeMap): GraphNode {
  const boundary = node.boundaryID ? nodes[node.boundaryID] : undefined;
  const within = boundary?.boundaryID ? `${labelOf(boundary)} / ` : "";
  const template = node.templateRef?.template ?? node.templateName ?? node.type;
  return {
    id: node.id,
    kind: "step",
    label: labelOf(node),
    // A template of the step's own name says nothing more.
    detail: within + (template === labelOf(node) ? "" : template),
    phase: node.phase ?? "Pending",
    ...(node.startedAt ? { startedAt: node.startedAt } : {}),
    ...(node.finishedAt ? { finishedAt: node.finishedAt } : {}),
  };
}

/** IDs of the nodes at which a task or step ends, so that what follows can hang from them. */
function endsOf(nodes: NodeMap, name: string): string[] {
  const node = Object.values(nodes).find((candidate) => candidate.name === name);
  if (!node) return [];
  if (isStep(node)) return [node.id];
  return node.outboundNodes?.length ? node.outboundNodes : (node.children ?? []);
}

/** @param ends where a node that exists already ends; undefined when there is none of that name. */
function addPlan(graph: Graph, spec: WorkflowSpec, root: string, ends: (name: string) => string[] | undefined): Graph {
  const entry = spec.templates?.find((template) => template.name === spec.entrypoint);
  const plan = (name: string, detail: string | undefined): GraphNode => {
    const more = detail === name ? "" : (detail ?? "");
    return { id: `plan:${name}`, kind: "step", label: name, detail: more, phase: "Planned" };
  };
  const nodes = [...graph.nodes];
  const edges = [...graph.edges];
  if (entry?.dag) {
    const tasks = entry.dag.tasks;
    for (const task of tasks) {
      if (ends(`${root}.${task.name}`)) continue;
      nodes.push(plan(task.name, task.templateRef?.template ?? task.template));
      for (const name of dependenciesOf(task, tasks)) {
        const from = ends(`${root}.${name}`) ?? [`plan:${name}`];
        edges.push(...from.map((id): [string, string] => [id, `plan:${task.name}`]));
      }
    }
  }
  let last: string[] = [];
  for (const [index, group] of (entry?.steps ?? []).entries()) {
    const now: string[] = [];
    for (const step of [group].flat()) {
      const existing = ends(`${root}[${index}].${step.name}`);
      now.push(...(existing ?? [`plan:${step.name}`]));
      if (existing) continue;
      nodes.push(plan(step.name ?? "", step.templateRef?.template ?? step.template));
      edges.push(...last.map((id): [string, string] => [id, `plan:${step.name}`]));
    }
    last = now;
  }
  const ids = new Set(nodes.map((node) => node.id));
  return { nodes, edges: edges.filter(([from, to]) => ids.has(from) && ids.has(to)) };
}

/** Tasks named in `dependencies` or in the expression `depends`. */
function dependenciesOf(task: DAGTask, tasks: DAGTask[]): string[] {
  const words = task.depends?.match(/[\w-]+/g) ?? [];
  const named = new Set([...(task.dependencies ?? []), ...words]);
  return tasks.filter((other) => named.has(other.name ?? "")).map((other) => other.name ?? "");
}
