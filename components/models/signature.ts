import { defaultSignature, type ModelSignature, type TensorSignature } from "@capstan/api/kinds/model-signature";
import type { Column } from "@capstan/components/contract";
import { type Chain, pruneChain } from "@capstan/components/transforms";
import type { ModelDocument } from "./document.ts";

/** Most values of a column that a form offers. */
const valueLimit = 200;

/** The raw columns that a model asks for, in the order of the file they were read from. */
export function inputsOf(model: ModelDocument): Column[] {
  return pruneChain(model.chain, model.features).source;
}

/** Name of the output that holds the answer: the label's, unless an input has that name. */
export function answerName(model: ModelDocument): string {
  return freeName(model, model.label.name);
}

/** Name of the output with a column for each class. */
export function probabilitiesName(model: ModelDocument): string {
  return freeName(model, model.label.name === "probabilities" ? "class_probabilities" : "probabilities");
}

function freeName(model: ModelDocument, wanted: string): string {
  const taken = inputsOf(model).map((column) => column.name);
  let name = wanted;
  while (taken.includes(name)) name = `${name}_predicted`;
  return name;
}

export function signatureOf(model: ModelDocument): ModelSignature {
  const chain = pruneChain(model.chain, model.features);
  const inputs = chain.source.map((column) => inputTensor(model, chain, column));
  const answer = answerName(model);
  if (model.task === "regression") {
    const outputs: TensorSignature[] = [{ name: answer, dtype: "float32", shape: [-1] }];
    return document({ method_name: "predict", inputs, outputs });
  }
  const outputs: TensorSignature[] = [
    { name: answer, dtype: "string", shape: [-1], values: model.classes },
    { name: probabilitiesName(model), dtype: "float32", shape: [-1, model.classes.length] },
  ];
  return document({ method_name: "predict", inputs, outputs, classLabels: model.classes });
}

function document(signature: ModelSignature["signatures"][string]): ModelSignature {
  return { version: 1, signatures: { [defaultSignature]: signature } };
}

function inputTensor(model: ModelDocument, chain: Chain, column: Column): TensorSignature {
  const { minimum, maximum, example } = model.profile[column.name] ?? {};
  const values = categoriesOf(chain, column.name);
  return {
    name: column.name,
    dtype: column.type === "string" ? "string" : "float32",
    shape: [-1],
    ...(toleratesMissing(model, chain, column.name) ? { nullable: true } : {}),
    ...(values && values.length <= valueLimit ? { values } : {}),
    ...(minimum === undefined || maximum === undefined ? {} : { range: { minimum, maximum } }),
    ...(example === undefined ? {} : { example }),
  };
}

function categoriesOf(chain: Chain, source: string): string[] | undefined {
  let name = source;
  for (const step of chain.steps) {
    if (step.column !== name) continue;
    if (step.op === "rename") name = step.to;
    if (step.op === "one-hot") return step.categories;
  }
  return undefined;
}

/** Trees take missing numbers as they are, encoded text has a pattern for them, and imputed columns have none. */
function toleratesMissing(model: ModelDocument, chain: Chain, source: string): boolean {
  if (model.kind === "gbdt") return true;
  let name = source;
  for (const step of chain.steps) {
    if (step.column !== name) continue;
    if (step.op === "rename") name = step.to;
    else return step.op === "impute" || step.op === "one-hot";
  }
  return false;
}
