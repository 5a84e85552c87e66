// A preview in the languages of other tools: Graphviz's DOT, and Mermaid.
import type { Preview } from "./graph.ts";

const quoted = (text: string) => `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;

export function previewDot({ name, sections, hooks }: Preview): string[] {
  const lines = [`digraph ${quoted(name)} {`, "  node [shape=box, style=rounded];"];
  for (const [index, { title, tasks, edges }] of sections.entries()) {
    const id = (task: string) => quoted(`${index}.${task}`);
    lines.push(`  subgraph cluster_${index} {`, `    label=${quoted(title)};`);
    for (const task of tasks) {
      const style = task.skipped || task.kind === "missing" ? ', style="rounded,dashed"' : "";
      lines.push(`    ${id(task.id)} [label=${quoted([task.title, ...task.lines].join("\n"))}${style}];`);
    }
    for (const [from, to] of edges) lines.push(`    ${id(from)} -> ${id(to)};`);
    lines.push("  }");
  }
  for (const [hook, template] of hooks)
    lines.push(`  ${quoted(`on ${hook}`)} [label=${quoted(`on ${hook}\n${template}`)}];`);
  return [...lines, "}"];
}

const escaped = (text: string) => text.replace(/[&<>"#;]/g, (sign) => `#${sign.charCodeAt(0)};`).replaceAll("\n", " ");

export function previewMermaid({ sections, hooks }: Preview): string[] {
  const lines = ["flowchart TD"];
  for (const [index, { title, tasks, edges }] of sections.entries()) {
    const ids = new Map(tasks.map(({ id }, at) => [id, `s${index}t${at}`]));
    lines.push(`  subgraph s${index} ["${escaped(title)}"]`);
    for (const task of tasks) {
      lines.push(`    ${ids.get(task.id)}["${[task.title, ...task.lines].map(escaped).join("<br/>")}"]`);
      if (task.skipped || task.kind === "missing") lines.push(`    style ${ids.get(task.id)} stroke-dasharray: 4`);
    }
    for (const [from, to] of edges) {
      const [a, b] = [ids.get(from), ids.get(to)];
      if (a && b) lines.push(`    ${a} --> ${b}`);
    }
    lines.push("  end");
  }
  for (const [at, [hook, template]] of hooks.entries())
    lines.push(`  h${at}["on ${escaped(hook)}<br/>${escaped(template)}"]`);
  return lines;
}
