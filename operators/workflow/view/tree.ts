// The nodes of a workflow as a tree of lines, laid out as by `argo get`.
import type { NodePhase, NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { waitsForResume } from "../control/index.ts";
import { labels, onExitName, podName } from "../engine/names.ts";
import { alignColumns } from "./columns.ts";
import { elapsed, shortDuration } from "./durations.ts";

export interface TreeOptions {
  now: number;
  /** Artifacts, resources and the Kubernetes node too. */
  wide?: boolean;
  /** The Kubernetes node too. */
  short?: boolean;
  /** Nodes for which it is false are left out, not what lies below them. */
  shows?: (node: NodeStatus) => boolean;
}

const signs: Partial<Record<NodePhase, string>> = {
  Pending: "◷",
  Running: "●",
  Succeeded: "✔",
  Skipped: "○",
  Failed: "✖",
  Error: "⚠",
};
const groups = new Set(["StepGroup", "Retry"]);
const boundaries = new Set(["DAG", "Steps"]);
const shown = new Set([...groups, ...boundaries, "Pod", "Skipped", "Suspend", "HTTP", "Plugin"]);

/** The heading and a line for each node; empty while there is no root node. */
export function renderTree(workflow: Workflow, options: TreeOptions): string[] {
  const nodes = workflow.status?.nodes ?? {};
  const { name } = workflow.metadata;
  const root = nodes[name];
  if (!root) return [];
  const common = ["STEP", "TEMPLATE", "PODNAME", "DURATION"];
  const more = ["ARTIFACTS", "MESSAGE", "RESOURCESDURATION", "NODENAME"];
  const rows = [[...common, ...(options.wide ? more : options.short ? ["MESSAGE", "NODENAME"] : ["MESSAGE"])]];
  const drawing = new Drawing(workflow, options, rows);
  drawing.draw(root, " ", " ");
  const exit = Object.values(nodes).find((node) => node.name === onExitName(name));
  if (exit) {
    rows.push([""]);
    drawing.draw(exit, " ", " ");
  }
  return alignColumns(rows, 2);
}

class Drawing {
  readonly #workflow: Workflow;
  readonly #options: TreeOptions;
  readonly #rows: string[][];
  readonly #below = new Map<string, NodeStatus[]>();

  constructor(workflow: Workflow, options: TreeOptions, rows: string[][]) {
    this.#workflow = workflow;
    this.#options = options;
    this.#rows = rows;
    const all = Object.values(workflow.status?.nodes ?? {}).filter(({ type }) => shown.has(type));
    const owners = new Map<string, string>();
    for (const { id, type, children } of all)
      if (groups.has(type)) for (const child of children ?? []) owners.set(child, id);
    for (const node of all) {
      const owner = owners.get(node.id) ?? node.boundaryID;
      if (owner) this.#below.set(owner, [...(this.#below.get(owner) ?? []), node]);
    }
    for (const nodes of this.#below.values()) nodes.sort(inOrder);
  }

  draw(node: NodeStatus, own: string, inner: string): void {
    const isGroup = node.type === "StepGroup";
    const children = boundaries.has(node.type) || groups.has(node.type) ? (this.#below.get(node.id) ?? []) : [];
    const isLeftOut = this.#leavesOut(node);
    if (!isLeftOut) this.#rows.push(this.#row(node, own));
    for (const [index, child] of children.entries()) {
      const last = index === children.length - 1;
      let [part, below] = isLeftOut ? ["", ""] : last ? ["└─", "  "] : ["├─", "│ "];
      if (isLeftOut && isGroup) {
        [part, below] = last ? ["└─", "  "] : index === 0 ? ["┬─", "│ "] : ["├─", "│ "];
        if (children.length === 1) part = "──";
      }
      const start = isLeftOut && index === 0 ? own : inner;
      this.draw(child, start + part, inner + below);
    }
  }

  #leavesOut(node: NodeStatus): boolean {
    if (node.type === "StepGroup" || (node.type === "Retry" && node.children?.length === 1)) return true;
    if (node.type === "Skipped" && node.phase === "Omitted") return true;
    return this.#options.shows?.(node) === false;
  }

  #row(node: NodeStatus, prefix: string): string[] {
    const { metadata } = this.#workflow;
    const { now, wide, short } = this.#options;
    const sign = waitsForResume(node) ? "ǁ" : (signs[node.phase ?? "Pending"] ?? "");
    const { templateRef, templateName = "", memoizationStatus } = node;
    const message = node.message ?? (memoizationStatus?.hit ? "reused" : "");
    const isPod = node.type === "Pod";
    const format = metadata.annotations?.[labels.podNameFormat];
    const pod = podName(metadata.name, node.name, templateRef?.template ?? templateName, node.id, format);
    const row = [
      `${prefix}${sign} ${node.displayName ?? node.name}`,
      templateRef ? `${templateRef.name}/${templateRef.template}` : templateName,
      isPod ? pod : "",
      isPod ? shortDuration(elapsed(node.startedAt, node.finishedAt, now)) : "",
    ];
    const host = isPod ? (node.hostNodeName ?? "") : "";
    if (!wide) return [...row, message, ...(short ? [host] : [])];
    const artifacts = (node.outputs?.artifacts ?? []).map(({ name }) => name).join(",");
    return [...row, artifacts, message, resourcesText(node.resourcesDuration), host];
  }
}

/** By start; at the same second by the loop's index, else by name. */
function inOrder(a: NodeStatus, b: NodeStatus): number {
  const [x, y] = [a.startedAt ?? "", b.startedAt ?? ""];
  if (x !== y) return x < y ? -1 : 1;
  const [i, j] = [indexOf(a), indexOf(b)];
  if (i !== undefined && j !== undefined) return i - j;
  const [name, other] = [a.displayName ?? a.name, b.displayName ?? b.name];
  return name < other ? -1 : name > other ? 1 : 0;
}
function indexOf({ displayName = "" }: NodeStatus): number | undefined {
  const found = /\((\d+)(?::.*)?\)$/.exec(displayName);
  return found ? Number(found[1]) : undefined;
}

/** `5s*(1 cpu),12s*(100Mi memory)`. */
export function resourcesText(resources: Record<string, number> | undefined): string {
  const unit = (name: string) => (name === "memory" ? "100Mi" : name.includes("storage") ? "10Gi" : "1");
  return Object.entries(resources ?? {})
    .map(([name, seconds]) => `${goSeconds(seconds)}*(${unit(name)} ${name})`)
    .join(",");
}

function goSeconds(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  return `${h ? `${h}h` : ""}${h || m ? `${m}m` : ""}${s}s`;
}
