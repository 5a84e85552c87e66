// A preview as a picture of its own: no script, no fonts, readable on light and dark pages.
import type { Preview, PreviewSection } from "./graph.ts";
import { layerTasks } from "./layers.ts";

const letter = 7.3;
const row = 17;
const padding = 10;
const [gapX, gapY] = [28, 44];
const lineLimit = 48;

const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const shortened = (text: string) => (text.length > lineLimit ? `${text.slice(0, lineLimit - 1)}…` : text);

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function previewSvg(preview: Preview): string[] {
  const parts: string[] = [];
  const text = (x: number, y: number, words: string, weight = "") =>
    parts.push(`<text x="${x}" y="${y}"${weight}>${escaped(shortened(words))}</text>`);
  let y = 24;
  let width = 240;
  text(padding, y, preview.name, ' font-weight="bold"');
  for (const [name, value] of preview.parameters) {
    y += row;
    text(padding, y, `${name} = ${value}`);
  }
  for (const section of preview.sections) {
    y += 36;
    text(padding, y, section.title, ' font-weight="bold"');
    const size = drawSection(section, y + 14, parts);
    y = size.bottom;
    width = Math.max(width, size.right + padding);
  }
  for (const [hook, template] of preview.hooks) {
    y += 26;
    text(padding, y, `on ${hook}: ${template}`);
  }
  const [w, h] = [Math.ceil(width), Math.ceil(y + 20)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" font-family="monospace" font-size="12" fill="#222">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...parts,
    "</svg>",
  ];
}

function drawSection(section: PreviewSection, top: number, parts: string[]): { right: number; bottom: number } {
  const { layers, edges, dummies } = layerTasks(section);
  const tasks = new Map(section.tasks.map((task) => [task.id, task]));
  const linesOf = (id: string) => {
    const task = tasks.get(id);
    return task ? [task.title, ...task.lines].map(shortened) : [];
  };
  const sizes = layers.map((layer) =>
    layer.map((id) => {
      const lines = linesOf(id);
      const longest = Math.max(0, ...lines.map(({ length }) => length));
      return { id, width: dummies.has(id) ? 2 : longest * letter + 2 * padding, height: lines.length * row + padding };
    }),
  );
  const widths = sizes.map((layer) => layer.reduce((sum, { width }) => sum + width + gapX, -gapX));
  const whole = Math.max(...widths);
  const boxes = new Map<string, Box>();
  let y = top;
  for (const [index, layer] of sizes.entries()) {
    let x = padding + (whole - (widths[index] ?? 0)) / 2;
    const height = Math.max(...layer.map((one) => one.height));
    for (const { id, width, height: own } of layer) {
      boxes.set(id, { x, y, width, height: dummies.has(id) ? height : own });
      x += width + gapX;
    }
    y += height + gapY;
  }
  for (const [from, to] of edges) parts.push(edgeBetween(boxes.get(from) as Box, boxes.get(to) as Box));
  for (const [id, box] of boxes) {
    const task = tasks.get(id);
    const { x, y, width, height } = box;
    if (!task) {
      parts.push(`<path d="M${x + 1} ${y}V${y + height}" stroke="#888" fill="none"/>`);
      continue;
    }
    const dashes = task.skipped || task.kind === "missing" ? ' stroke-dasharray="4"' : "";
    parts.push(
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" fill="${task.inner ? "#eef3ff" : "#fafafa"}" stroke="#567"${dashes}/>`,
    );
    for (const [index, line] of linesOf(id).entries()) {
      const weight = index === 0 ? ' font-weight="bold"' : ' fill="#555"';
      parts.push(`<text x="${x + padding}" y="${y + row * (index + 1)}"${weight}>${escaped(line)}</text>`);
    }
  }
  return { right: padding + whole, bottom: y - gapY };
}

function edgeBetween(from: Box, to: Box): string {
  const [x1, y1, x2, y2] = [from.x + from.width / 2, from.y + from.height, to.x + to.width / 2, to.y];
  const middle = (y1 + y2) / 2;
  return `<path d="M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}" stroke="#888" fill="none"/>`;
}
