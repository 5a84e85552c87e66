import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { modelFile, signatureFile } from "@capstan/api/kinds/model-signature";
import { documentFile, type ModelDocument, signatureOf } from "@capstan/components/models";
import { exportOnnx } from "@capstan/components/onnx";

/** Writes the model's directory: the graph, its signature, and what the other components need of it. */
export async function saveModel(directory: string, model: ModelDocument): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, modelFile), exportOnnx(model));
  await writeFile(join(directory, signatureFile), `${JSON.stringify(signatureOf(model), null, 2)}\n`);
  await writeFile(join(directory, documentFile), JSON.stringify(model));
}
