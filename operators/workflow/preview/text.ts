// A preview for a terminal: boxes, and lines between them.
import { Canvas, sides } from "./canvas.ts";
import type { Preview, PreviewSection, PreviewTask } from "./graph.ts";
import { type Layout, layerTasks } from "./layers.ts";

/** Longest line in a box, characters. */
const lineLimit = 36;
const gap = 3;

export function previewText(preview: Preview): string[] {
  const lines = [preview.name];
  for (const [name, value] of preview.parameters) lines.push(`  ${name} = ${shortened(value)}`);
  for (const section of preview.sections) lines.push("", section.title, ...drawSection(section));
  if (preview.hooks.length > 0) lines.push("");
  for (const [hook, template] of preview.hooks) lines.push(`on ${hook}: ${template}`);
  return lines;
}

const shortened = (text: string) => {
  const line = text.replace(/\s*\n\s*/g, " ");
  return line.length > lineLimit ? `${line.slice(0, lineLimit - 1)}…` : line;
};

interface Box {
  x: number;
  width: number;
  middle: number;
  rows: string[];
}

function drawSection(section: PreviewSection): string[] {
  const layout = layerTasks(section);
  const tasks = new Map(section.tasks.map((task) => [task.id, task]));
  const canvas = new Canvas();
  const places = placeBoxes(layout, tasks);
  let entries = new Map<string, number[]>();
  let y = 0;
  for (const layer of layout.layers) {
    const height = Math.max(...layer.map((id) => places.get(id)?.rows.length ?? 0)) + 2;
    for (const id of layer) {
      const { x, width, middle, rows } = places.get(id) as Box;
      if (layout.dummies.has(id)) {
        canvas.upright(middle, y, y + height - 1);
        continue;
      }
      canvas.box(x, y, width, rows);
      for (const column of entries.get(id) ?? []) canvas.line(column, y, sides.up);
      if (!layout.edges.some(([from]) => from === id)) continue;
      canvas.line(middle, y + rows.length + 1, sides.down);
      // A shorter box is joined to the layer's end.
      canvas.upright(middle, y + rows.length + 2, y + height - 1);
    }
    y += height;
    const drawn = drawEdges(canvas, layout, layer, places, y);
    y = drawn.end;
    entries = drawn.entries;
  }
  return canvas.toLines();
}

function placeBoxes({ layers, dummies }: Layout, tasks: Map<string, PreviewTask>): Map<string, Box> {
  const rowsOf = (id: string) => {
    const task = tasks.get(id);
    if (!task) return [];
    const note = task.kind === "missing" ? ["(in none of the files)"] : task.skipped ? ["(skipped)"] : [];
    return [`${task.title}${task.inner ? " ▾" : ""}`, ...task.lines, ...note].map(shortened);
  };
  const sized = layers.map((layer) =>
    layer.map((id) => {
      const rows = rowsOf(id);
      const width = Math.max(1, ...rows.map(({ length }) => length + 4));
      // Odd widths have a middle, and layers of such ones have the same.
      return { id, rows, width: dummies.has(id) ? 1 : width + 1 - (width % 2) };
    }),
  );
  const widths = sized.map((layer) => layer.reduce((sum, { width }) => sum + width + gap, -gap));
  const whole = Math.max(...widths);
  const places = new Map<string, Box>();
  for (const [index, layer] of sized.entries()) {
    let x = Math.floor((whole - (widths[index] ?? 0)) / 2);
    for (const { id, rows, width } of layer) {
      places.set(id, { x, width, rows, middle: x + Math.floor(width / 2) });
      x += width + gap;
    }
  }
  return places;
}

/**
 * One row for all tasks that are followed by the same ones. What follows several rows is entered by each at a place of its own.
 * @returns the first row below, and the columns at which the next layer's boxes are entered.
 */
function drawEdges(canvas: Canvas, { edges }: Layout, layer: string[], places: Map<string, Box>, y: number) {
  const exit = (id: string) => places.get(id)?.middle ?? 0;
  const targets = new Map<string, string[]>();
  for (const from of layer) {
    const key = JSON.stringify(edges.flatMap(([one, to]) => (one === from ? [to] : [])).sort());
    if (key !== "[]") targets.set(key, [...(targets.get(key) ?? []), from]);
  }
  const rows = [...targets].map(([key, from]) => ({ from, to: JSON.parse(key) as string[] }));
  const end = y + rows.length;
  const entries = new Map<string, number[]>();
  for (const [index, { from, to }] of rows.entries()) {
    const at = y + index;
    const passing = new Set([
      ...rows.slice(index + 1).flatMap((row) => row.from.map(exit)),
      ...[...entries.values()].flat(),
    ]);
    const taken = new Set([...passing, ...rows.slice(0, index).flatMap((row) => row.from.map(exit))]);
    const columns = to.map((id) => {
      const column = entryOf(places.get(id) as Box, taken);
      entries.set(id, [...(entries.get(id) ?? []), column]);
      return column;
    });
    for (const id of from) {
      if (index > 0) canvas.upright(exit(id), y, at - 1);
      canvas.line(exit(id), at, sides.up);
    }
    for (const column of columns) {
      canvas.line(column, at, sides.down);
      if (at + 1 < end) canvas.upright(column, at + 1, end - 1);
    }
    const all = [...from.map(exit), ...columns];
    const [left, right] = [Math.min(...all), Math.max(...all)];
    for (let x = left; x <= right; x++) {
      if (passing.has(x)) continue;
      canvas.line(x, at, (x > left ? sides.left : 0) | (x < right ? sides.right : 0));
    }
  }
  return { end, entries };
}

/** The column nearest to the middle that nobody else has. */
function entryOf({ x, width, middle }: Box, taken: Set<number>): number {
  for (let distance = 0; distance < width / 2; distance++) {
    for (const column of [middle - distance, middle + distance]) {
      if (column > x && column < x + width - 1 && !taken.has(column)) return column;
    }
  }
  return middle;
}
