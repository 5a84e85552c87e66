// From steps and their artifacts to the picture: a step follows those whose artifacts it read.
import type { Lineage } from "@capstan/api/kinds/records";
import type { Graph } from "../workflows/graph-model.ts";

type Step = Lineage["step"];
export const stepId = ({ uid, node }: Step) => `${uid}/${node}`;

/** @param several whether steps say whose workflow they are of */
export function lineageGraph(steps: readonly Step[]): Graph {
  const workflows = new Set(steps.map(({ workflow }) => workflow));
  const makers = new Map<string, Step[]>();
  for (const step of steps) {
    for (const { artifact } of step.outputs) makers.set(artifact, [...(makers.get(artifact) ?? []), step]);
  }
  const edges = new Map<string, [string, string]>();
  for (const step of steps) {
    for (const { artifact } of step.inputs) {
      for (const maker of makersFor(step, makers.get(artifact) ?? [])) {
        if (maker === step) continue;
        const edge: [string, string] = [stepId(maker), stepId(step)];
        edges.set(edge.join(">"), edge);
      }
    }
  }
  return {
    nodes: steps.map((step) => ({
      id: stepId(step),
      kind: "step",
      label: workflows.size > 1 ? step.name : shortName(step),
      detail: step.template,
      phase: step.reused ? "Skipped" : step.phase,
    })),
    edges: [...edges.values()],
  };
}

/** Of the same content made several times: that of the same workflow, else those that did the work. */
function makersFor(step: Step, makers: Step[]): Step[] {
  const own = makers.filter(({ uid }) => uid === step.uid);
  if (own.length > 0) return own;
  const workers = makers.filter(({ reused }) => !reused);
  return workers.length > 0 ? workers : makers;
}

export const shortName = ({ name, workflow }: Step): string =>
  name.startsWith(workflow) && name !== workflow ? name.slice(workflow.length).replace(/^(\.|\[\d+\]\.)/, "") : name;
