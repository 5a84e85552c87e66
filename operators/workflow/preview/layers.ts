// Places tasks in layers: each below all that it follows, near to what it is joined with.
import type { PreviewSection } from "./graph.ts";

export interface Layout {
  /** IDs of each layer, in order. Those of `dummies` only hold a line that passes through. */
  layers: string[][];
  dummies: Set<string>;
  /** From each layer to the next. */
  edges: [string, string][];
}

const sweeps = 4;

/** Edges from tasks that are not there, and such that lead back, are left out. */
export function layerTasks({ tasks, edges }: PreviewSection): Layout {
  const ids = new Set(tasks.map(({ id }) => id));
  const known = edges.filter(([from, to]) => ids.has(from) && ids.has(to) && from !== to);
  const level = levelsOf([...ids], known);
  const layers: string[][] = [];
  const put = (id: string, at: number) => {
    while (layers.length <= at) layers.push([]);
    layers[at]?.push(id);
  };
  for (const id of ids) put(id, level.get(id) ?? 0);
  const dummies = new Set<string>();
  const short: [string, string][] = [];
  for (const [from, to] of known) {
    const [start, end] = [level.get(from) ?? 0, level.get(to) ?? 0];
    if (start >= end) continue;
    let last = from;
    for (let at = start + 1; at < end; at++) {
      const dummy = `${from} → ${to} @${at}`;
      dummies.add(dummy);
      put(dummy, at);
      short.push([last, dummy]);
      last = dummy;
    }
    short.push([last, to]);
  }
  sortLayers(layers, short);
  return { layers, dummies, edges: short };
}

function levelsOf(ids: string[], edges: [string, string][]): Map<string, number> {
  const level = new Map(ids.map((id) => [id, 0]));
  // As often as there are tasks: then a circle has been gone round.
  for (let round = 0, changed = true; changed && round < ids.length; round++) {
    changed = false;
    for (const [from, to] of edges) {
      const below = (level.get(from) ?? 0) + 1;
      if (below > (level.get(to) ?? 0) && below < ids.length) {
        level.set(to, below);
        changed = true;
      }
    }
  }
  return level;
}

/** Each goes to the middle of those that it is joined with, down and up again. */
function sortLayers(layers: string[][], edges: [string, string][]): void {
  const above = new Map<string, string[]>();
  const below = new Map<string, string[]>();
  for (const [from, to] of edges) {
    above.set(to, [...(above.get(to) ?? []), from]);
    below.set(from, [...(below.get(from) ?? []), to]);
  }
  const place = (layer: string[], beside: string[], joined: Map<string, string[]>) => {
    const at = new Map(beside.map((id, index) => [id, index]));
    const middle = new Map(
      layer.map((id, index) => {
        const places = (joined.get(id) ?? []).flatMap((one) => at.get(one) ?? []);
        return [id, places.length > 0 ? places.reduce((a, b) => a + b, 0) / places.length : index];
      }),
    );
    layer.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
  };
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (let i = 1; i < layers.length; i++) place(layers[i] ?? [], layers[i - 1] ?? [], above);
    for (let i = layers.length - 2; i >= 0; i--) place(layers[i] ?? [], layers[i + 1] ?? [], below);
  }
}
