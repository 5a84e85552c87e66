import type { Chain, Step } from "@capstan/components/transforms";
import type { GraphBuilder } from "./builder.ts";
import { elementTypes } from "./model-proto.ts";

/**
 * Writes a chain: an input of shape [N] for each source column, strings for text, float32 for numbers. At this boundary
 * a missing text is "" and a missing number NaN. Answers the tensor, of shape [N], of each column at the end.
 */
export function writeChain(graph: GraphBuilder, chain: Chain): Map<string, string> {
  const tensors = new Map<string, string>();
  for (const column of chain.source) {
    const type = column.type === "string" ? "string" : "float";
    tensors.set(column.name, graph.input({ name: column.name, type, shape: ["N"] }));
  }
  for (const step of chain.steps) writeStep(graph, step, tensors);
  return tensors;
}

function writeStep(graph: GraphBuilder, step: Step, tensors: Map<string, string>): void {
  const from = tensors.get(step.column);
  if (from === undefined) throw new Error(`the step ${step.op} needs a column ${step.column} that is not there`);
  switch (step.op) {
    case "rename":
      tensors.delete(step.column);
      tensors.set(step.to, from);
      break;
    case "impute":
      writeImpute(graph, step, from, tensors);
      break;
    case "one-hot":
      writeOneHot(graph, step, from, tensors);
      break;
    case "scale": {
      const centred = graph.node("Sub", [from, float(graph, step.offset)]);
      tensors.set(step.column, graph.node("Mul", [centred, float(graph, step.factor)]));
      break;
    }
    case "log":
      tensors.set(step.column, writeLog(graph, from));
  }
}

function writeImpute(
  graph: GraphBuilder,
  { column, fill, indicator }: Extract<Step, { op: "impute" }>,
  from: string,
  tensors: Map<string, string>,
): void {
  const missing =
    typeof fill === "number"
      ? graph.node("IsNaN", [from])
      : graph.node("Equal", [from, graph.constant([1], { strings: [""] })]);
  const value = typeof fill === "number" ? float(graph, fill) : graph.constant([1], { strings: [fill] });
  tensors.set(column, graph.node("Where", [missing, value, from]));
  if (indicator !== undefined) tensors.set(indicator, cast(graph, missing, "float"));
}

function writeOneHot(
  graph: GraphBuilder,
  { column, categories, outputs }: Extract<Step, { op: "one-hot" }>,
  from: string,
  tensors: Map<string, string>,
): void {
  tensors.delete(column);
  const attributes = { cats_strings: { strings: categories }, zeros: { int: 1 } };
  const encoded = graph.node("OneHotEncoder", [from], { domain: "ai.onnx.ml", attributes });
  outputs.forEach((name, i) => {
    const index = graph.constant([], { ints: [i] });
    tensors.set(name, graph.node("Gather", [encoded, index], { attributes: { axis: { int: 1 } } }));
  });
}

/** In double, as the engine computes it, so that both round to the same float32. */
function writeLog(graph: GraphBuilder, from: string): string {
  const size = graph.node("Abs", [from]);
  const one = cast(graph, float(graph, 1), "double");
  const log = graph.node("Log", [graph.node("Add", [cast(graph, size, "double"), one])]);
  const sign = cast(graph, graph.node("Sign", [from]), "double");
  return cast(graph, graph.node("Mul", [sign, log]), "float");
}

function float(graph: GraphBuilder, value: number): string {
  return graph.constant([1], { floats: [value] });
}

export function cast(graph: GraphBuilder, from: string, to: keyof typeof elementTypes): string {
  return graph.node("Cast", [from], { attributes: { to: { int: elementTypes[to] } } });
}
