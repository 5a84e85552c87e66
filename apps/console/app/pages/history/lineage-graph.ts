// From steps and their artifacts to the picture: a step follows those whose artifacts it read.
import { makersOf } from "@capstan/api/kinds/lineage";
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
    for (const input of step.inputs) {
      for (const maker of makersOf(step, input, makers.get(input.artifact) ?? [])) {
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

export const shortName = ({ name, workflow }: Step): string =>
  name.startsWith(workflow) && name !== workflow ? name.slice(workflow.length).replace(/^(\.|\[\d+\]\.)/, "") : name;
