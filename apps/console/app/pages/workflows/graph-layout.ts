import { Graph as Dagre, layout } from "@dagrejs/dagre";
import type { Graph } from "./graph-model.ts";

export type Direction = "TB" | "LR";

export interface Point {
  x: number;
  y: number;
}

export interface Placed {
  /** Top left corners. */
  positions: Map<string, Point>;
  /** Where edges bend, from source to target; those that are missing go straight. */
  bends: Map<string, Point[]>;
  width: number;
  height: number;
}

export const stepSize = { width: 204, height: 50 };
export const dotSize = { width: 10, height: 10 };
/** Beyond it the optimal order of a rank costs seconds: ranks are then filled in the order of the nodes. */
const mostForDagre = 1200;
const gap = { rank: 46, node: 22 };

/** A layered drawing: what comes first is above (or left of) what comes later. */
export function place(graph: Graph, direction: Direction): Placed {
  return graph.nodes.length > mostForDagre ? placeInGrid(graph, direction) : placeByDagre(graph, direction);
}

function placeByDagre(graph: Graph, direction: Direction): Placed {
  const dagre = new Dagre().setGraph({ rankdir: direction, ranksep: gap.rank, nodesep: gap.node });
  dagre.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) dagre.setNode(node.id, { ...sizeOf(node.kind) });
  for (const [from, to] of graph.edges) dagre.setEdge(from, to);
  layout(dagre);
  const positions = new Map<string, Point>();
  for (const node of graph.nodes) {
    const { x, y, width, height } = dagre.node(node.id);
    positions.set(node.id, { x: x - width / 2, y: y - height / 2 });
  }
  const bends = new Map<string, Point[]>();
  for (const [from, to] of graph.edges) {
    const { points } = dagre.edge(from, to);
    // The outer points lie on the nodes' borders, where the handles are anyway; one between them leads around nothing.
    if (points.length > 3) bends.set(edgeId(from, to), points.slice(1, -1));
  }
  const { width = 0, height = 0 } = dagre.graph();
  return { positions, bends, width, height };
}

export const edgeId = (from: string, to: string) => `${from}>${to}`;

const sizeOf = (kind: "step" | "dot") => (kind === "dot" ? dotSize : stepSize);

/** Rank by longest path, at most 40 nodes in a row: linear in nodes and edges. */
function placeInGrid(graph: Graph, direction: Direction): Placed {
  const ranks = ranksOf(graph);
  const perRow = 40;
  const rows: string[][] = [];
  for (const ids of ranks) for (let at = 0; at < ids.length; at += perRow) rows.push(ids.slice(at, at + perRow));
  const across = direction === "TB" ? stepSize.width + gap.node : stepSize.height + gap.node;
  const along = direction === "TB" ? stepSize.height + gap.rank : stepSize.width + gap.rank;
  const positions = new Map<string, Point>();
  for (const [row, ids] of rows.entries()) {
    for (const [column, id] of ids.entries()) {
      const [a, b] = [column * across, row * along];
      positions.set(id, direction === "TB" ? { x: a, y: b } : { x: b, y: a });
    }
  }
  const [wide, long] = [Math.max(0, ...rows.map((ids) => ids.length)) * across, rows.length * along];
  return {
    positions,
    bends: new Map(),
    width: direction === "TB" ? wide : long,
    height: direction === "TB" ? long : wide,
  };
}

function ranksOf(graph: Graph): string[][] {
  const after = new Map<string, string[]>(graph.nodes.map((node) => [node.id, []]));
  const waiting = new Map<string, number>(graph.nodes.map((node) => [node.id, 0]));
  for (const [from, to] of graph.edges) {
    after.get(from)?.push(to);
    waiting.set(to, (waiting.get(to) ?? 0) + 1);
  }
  const ranks: string[][] = [];
  let ready = graph.nodes.map((node) => node.id).filter((id) => waiting.get(id) === 0);
  while (ready.length > 0) {
    ranks.push(ready);
    const next: string[] = [];
    for (const id of ready) {
      for (const to of after.get(id) ?? []) {
        const left = (waiting.get(to) ?? 0) - 1;
        waiting.set(to, left);
        if (left === 0) next.push(to);
      }
    }
    ready = next;
  }
  return ranks;
}
