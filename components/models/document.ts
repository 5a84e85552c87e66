import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Column, ComponentError } from "@capstan/components/contract";
import type { Ensemble } from "@capstan/components/engine";
import type { ColumnProfile } from "@capstan/components/tables";
import type { Chain } from "@capstan/components/transforms";

/** In a model's directory: what the components need of a model, beside its ONNX graph. */
export const documentFile = "model.json";
/** Most bytes of the document. */
export const documentLimit = 512 * 1024 * 1024;

interface ModelBase {
  version: 1;
  task: "classification" | "regression";
  label: Column;
  /** Names of the classes, in the order of the probabilities; empty under regression. */
  classes: string[];
  /** Columns at the chain's end, in the order of the model's inputs. */
  features: string[];
  chain: Chain;
  profile: Record<string, ColumnProfile>;
  trained: { rows: number; rounds: number; validationLoss?: number };
}

export interface GbdtModel extends ModelBase {
  kind: "gbdt";
  ensemble: Ensemble;
  /** Share of the gain, by feature. */
  importance: number[];
}

/** Scores are intercept + Σ coefficient · feature: one row of coefficients for two classes, else one a class. */
export interface LinearModel extends ModelBase {
  kind: "logistic";
  coefficients: number[][];
  intercepts: number[];
}

export type ModelDocument = GbdtModel | LinearModel;

export async function readModel(directory: string): Promise<ModelDocument> {
  const path = join(directory, documentFile);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new ComponentError(`${directory} is not a model that a component trained (${error.code} at ${documentFile})`);
  });
  const model = parseDocument(text, path);
  if (model.version !== 1)
    throw new ComponentError(`${path} was written by a newer release (version ${model.version})`);
  return model;
}

function parseDocument(text: string, path: string): ModelDocument {
  if (text.length > documentLimit)
    throw new ComponentError(`${path} is larger than ${documentLimit} bytes (limit document)`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ComponentError(`${path} is not a model: ${(error as Error).message}`);
  }
}
