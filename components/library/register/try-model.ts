import type { Signature, TensorSignature } from "@capstan/api/kinds/model-signature";
import { messageOf } from "@capstan/base/errors";
import { ComponentError } from "@capstan/components/contract";
import type { InferenceSession, Tensor } from "onnxruntime-node";

/** Loads the graph, compares it with the signature, and runs it on an example, and on missing values where it may. */
export async function tryModel(path: string, signature: Signature): Promise<void> {
  const { default: runtime } = await import("onnxruntime-node");
  const session = await runtime.InferenceSession.create(path, { intraOpNumThreads: 1 }).catch((error: unknown) => {
    throw new ComponentError(`${path} is not an ONNX model that the runtime can load: ${messageOf(error)}`);
  });
  try {
    compareNames("input", session.inputNames, signature.inputs);
    compareNames("output", session.outputNames, signature.outputs);
    const make = (value: string | number) =>
      typeof value === "string"
        ? new runtime.Tensor("string", [value], [1])
        : new runtime.Tensor("float32", Float32Array.of(value), [1]);
    await run(session, signature, (input) => make(exampleOf(input)));
    if (signature.inputs.every((input) => input.nullable))
      await run(session, signature, (input) => make(input.dtype === "string" ? "" : Number.NaN));
  } finally {
    await session.release();
  }
}

function exampleOf({ dtype, example, values, range }: TensorSignature): string | number {
  if (dtype === "string") return String(example ?? values?.[0] ?? "");
  return Number(example ?? range?.minimum ?? 0);
}

function compareNames(noun: string, actual: readonly string[], expected: TensorSignature[]): void {
  const names = expected.map(({ name }) => name);
  if (JSON.stringify([...actual].sort()) !== JSON.stringify([...names].sort()))
    throw new ComponentError(`the graph's ${noun}s are ${actual.join(", ")}; its signature says ${names.join(", ")}`);
}

async function run(
  session: InferenceSession,
  { inputs, outputs }: Signature,
  make: (input: TensorSignature) => Tensor,
) {
  const feeds = Object.fromEntries(inputs.map((input) => [input.name, make(input)]));
  const answer = await session.run(feeds);
  for (const { name, shape } of outputs) {
    const dims = answer[name]?.dims ?? [];
    const fits = dims.length === shape.length && dims.every((size, i) => size === (i === 0 ? 1 : shape[i]));
    if (!fits)
      throw new ComponentError(
        `output ${name} has shape [${dims.join(", ")}]; its signature says [${shape.join(", ")}]`,
      );
  }
}
