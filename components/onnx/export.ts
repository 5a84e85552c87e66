// A model with all its preprocessing as one ONNX graph: raw columns in, label and probabilities out.
import { signatureMetadataKey } from "@capstan/api/kinds/model-signature";
import {
  answerName,
  type GbdtModel,
  type LinearModel,
  type ModelDocument,
  probabilitiesName,
  signatureOf,
} from "@capstan/components/models";
import { pruneChain } from "@capstan/components/transforms";
import { createBuilder, type GraphBuilder } from "./builder.ts";
import { writeEnsemble } from "./ensemble.ts";
import { encodeModel } from "./model-proto.ts";
import { cast, writeChain } from "./preprocessing.ts";

export function exportOnnx(model: ModelDocument): Uint8Array {
  const graph = createBuilder();
  const tensors = writeChain(graph, pruneChain(model.chain, model.features));
  const features = writeFeatures(
    graph,
    model.features.map((name) => tensors.get(name) as string),
  );
  if (model.task === "regression") writeValue(graph, model, features);
  else writeClasses(graph, model, writeProbabilities(graph, model, features));
  const metadata = { [signatureMetadataKey]: JSON.stringify(signatureOf(model)) };
  return encodeModel(graph.build("model"), { metadata, docs: `Predicts ${model.label.name}.` });
}

/** [N] tensors side by side: [N, features]. */
function writeFeatures(graph: GraphBuilder, tensors: string[]): string {
  const axis = graph.constant([1], { ints: [1] });
  const columns = tensors.map((tensor) => graph.node("Unsqueeze", [tensor, axis]));
  return graph.node("Concat", columns, { attributes: { axis: { int: 1 } } });
}

function writeValue(graph: GraphBuilder, model: ModelDocument, features: string): void {
  if (model.kind !== "gbdt") throw new Error(`a ${model.kind} model has no values`);
  const scores = writeEnsemble(graph, model.ensemble, features);
  const shape = graph.constant([1], { ints: [-1] });
  const name = graph.node("Reshape", [scores, shape], { as: answerName(model) });
  graph.output({ name, type: "float", shape: ["N"] });
}

function writeProbabilities(graph: GraphBuilder, model: ModelDocument, features: string): string {
  const scores = model.kind === "gbdt" ? writeTrees(graph, model, features) : writeLinear(graph, model, features);
  const shares =
    model.classes.length === 2
      ? writePair(graph, graph.node("Sigmoid", [scores]))
      : graph.node("Softmax", [scores], { attributes: { axis: { int: 1 } } });
  return graph.node("Cast", [shares], { attributes: { to: { int: 1 } }, as: probabilitiesName(model) });
}

/** In double from the scores on, as the engine computes. */
function writeTrees(graph: GraphBuilder, model: GbdtModel, features: string): string {
  return cast(graph, writeEnsemble(graph, model.ensemble, features), "double");
}

function writeLinear(graph: GraphBuilder, model: LinearModel, features: string): string {
  const outputs = model.intercepts.length;
  const columns = model.features.length;
  const transposed = model.features.flatMap((_, f) => model.coefficients.map((row) => row[f] as number));
  const weights = graph.constant([columns, outputs], { doubles: transposed });
  const sums = graph.node("MatMul", [cast(graph, features, "double"), weights]);
  return graph.node("Add", [sums, graph.constant([outputs], { doubles: model.intercepts })]);
}

function writePair(graph: GraphBuilder, second: string): string {
  const first = graph.node("Sub", [graph.constant([1], { doubles: [1] }), second]);
  return graph.node("Concat", [first, second], { attributes: { axis: { int: 1 } } });
}

function writeClasses(graph: GraphBuilder, model: ModelDocument, probabilities: string): void {
  const attributes = { axis: { int: 1 }, keepdims: { int: 0 } };
  const index = graph.node("ArgMax", [probabilities], { attributes });
  const names = graph.constant([model.classes.length], { strings: model.classes });
  const answer = graph.node("Gather", [names, index], { as: answerName(model) });
  graph.output({ name: answer, type: "string", shape: ["N"] });
  graph.output({ name: probabilities, type: "float", shape: ["N", model.classes.length] });
}
