// Lineage from a client's side, and as a picture.
import { type Lineage, type LineageParameters, Lineages } from "@capstan/api/kinds/records";
import type { Client } from "@capstan/core/client";
import { listRecords } from "./archive.ts";

export interface LineageAnswer {
  /** Nearest first. */
  steps: Lineage["step"][];
  /** What the server says of an answer that is cut. */
  warning?: string;
}

/** @throws StatusError */
export async function traceLineage(
  client: Client,
  namespace: string,
  parameters: LineageParameters,
): Promise<LineageAnswer> {
  const { items, warning } = await listRecords<Lineage>(client, Lineages, namespace, parameters);
  const text = warning && /"((?:[^"\\]|\\.)*)"/.exec(warning)?.[1];
  return { steps: items.map(({ step }) => step), ...(text ? { warning: text } : {}) };
}

/** An artifact by digest or location, a workflow, or one of its nodes: `WORKFLOW/NODE`. */
export function readLineageTarget(target: string): LineageParameters {
  if (/^[a-z0-9]+:/.test(target)) return { artifact: target };
  const at = target.indexOf("/");
  return at < 0 ? { workflow: target } : { workflow: target.slice(0, at), node: target.slice(at + 1) };
}

const shortDigest = 19;
/** `sha256:0123456789ab`, or the location. */
export const shortArtifact = (artifact: string) =>
  artifact.startsWith("sha256:") ? artifact.slice(0, shortDigest) : artifact;

/** For people: each step with what it read and made. */
export function describeLineage({ steps }: LineageAnswer): string[] {
  return steps.flatMap((step) => {
    const { name, template, phase, finishedAt, reused, parameters } = step;
    const given = Object.entries(parameters).map(([key, value]) => `${key}=${value.slice(0, 60)}`);
    const line = (verb: string) => (artifact: { name: string; artifact: string; location: string }) =>
      `  ${verb} ${artifact.name.padEnd(12)} ${shortArtifact(artifact.artifact)}  ${artifact.location}`.trimEnd();
    return [
      `${name}  ${phase}${reused ? " (reused)" : ""}  template ${template}  ${finishedAt.replace(/\.\d+Z$/, "Z")}`,
      ...(given.length > 0 ? [`  with ${given.join(" ")}`] : []),
      ...step.inputs.map(line("read")),
      ...step.outputs.map(line("made")),
    ];
  });
}

const quote = (text: string) => `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;

/** For Graphviz: artifacts and the steps between them. */
export function drawLineage({ steps }: LineageAnswer): string {
  const lines: string[] = [];
  const artifacts = new Map<string, string>();
  for (const step of steps) {
    const id = quote(`${step.uid}/${step.node}`);
    const style = step.reused ? ", style=dashed" : "";
    lines.push(`  ${id} [shape=box, label=${quote(`${step.name}\n${step.template}`)}${style}];`);
    for (const { artifact, name } of step.inputs) {
      artifacts.set(artifact, artifacts.get(artifact) ?? name);
      lines.push(`  ${quote(artifact)} -> ${id} [label=${quote(name)}];`);
    }
    for (const { artifact, name } of step.outputs) {
      artifacts.set(artifact, name);
      lines.push(`  ${id} -> ${quote(artifact)} [label=${quote(name)}];`);
    }
  }
  for (const [artifact, name] of artifacts) {
    lines.push(`  ${quote(artifact)} [shape=ellipse, label=${quote(`${name}\n${shortArtifact(artifact)}`)}];`);
  }
  return ["digraph lineage {", "  rankdir=LR;", ...lines, "}"].join("\n");
}
