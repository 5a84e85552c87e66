// Workflows as rows of a table, as by `argo list`.
import type { Parameter, Workflow } from "@capstan/api/kinds/workflow";
import { isOver } from "../engine/index.ts";
import { statusText } from "./details.ts";
import { elapsed, shortDuration } from "./durations.ts";

export interface ListOptions {
  now: number;
  wide?: boolean;
  namespaces?: boolean;
  headers?: boolean;
}

export function listRows(workflows: Workflow[], { now, wide, namespaces, headers = true }: ListOptions): string[][] {
  const more = wide ? ["P/R/C", "PARAMETERS"] : [];
  const first = [
    ...(namespaces ? ["NAMESPACE"] : []),
    "NAME",
    "STATUS",
    "AGE",
    "DURATION",
    "PRIORITY",
    "MESSAGE",
    ...more,
  ];
  const rows = workflows.map((workflow) => {
    const { metadata, spec, status } = workflow;
    return [
      ...(namespaces ? [metadata.namespace ?? ""] : []),
      metadata.name,
      statusText(workflow),
      shortDuration(elapsed(metadata.creationTimestamp, undefined, now)),
      shortDuration(elapsed(status?.startedAt, status?.finishedAt, now)),
      String(spec.priority ?? 0),
      status?.message ?? "",
      ...(wide ? [countPods(workflow), parametersText(spec.arguments?.parameters ?? [])] : []),
    ];
  });
  return headers ? [first, ...rows] : rows;
}

/** Pods that wait, run and are over. */
function countPods({ status }: Workflow): string {
  let [pending, running, over] = [0, 0, 0];
  for (const node of Object.values(status?.nodes ?? {})) {
    if (node.type !== "Pod") continue;
    if (isOver(node)) over++;
    else if (node.phase === "Running") running++;
    else pending++;
  }
  return `${pending}/${running}/${over}`;
}

function parametersText(parameters: Parameter[]): string {
  return parameters
    .filter(({ value }) => value !== undefined)
    .map(({ name, value }) => `${name}=${shortened(String(value))}`)
    .join(",");
}
const shortened = (text: string) => (text.length > 50 ? `${text.slice(0, 32)}...${text.slice(-15)}` : text);

/** Those under way first, the newest of them first; then what is over, the last first. */
export function inListOrder(a: Workflow, b: Workflow): number {
  const [x, y] = [a.status?.finishedAt ?? "", b.status?.finishedAt ?? ""];
  if (!x !== !y) return x ? 1 : -1;
  const [p, q] = x ? [x, y] : [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
  if (p !== q) return p < q ? 1 : -1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
