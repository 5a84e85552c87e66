// Where a predictor's model comes from: a storageUri as a volume, mounted read-only.
import { isAbsolute } from "node:path";
import type { Volume } from "@capstan/api/generated/core-v1";
import type { Model, ModelVersion } from "@capstan/api/kinds/model";
import { nearest } from "@capstan/base/errors";
import { DirectoryError, directoryUnder } from "../directory.ts";
import type { ServingOptions } from "../options.ts";
import { type ModelUri, modelUri } from "./model-uri.ts";
import { PredictorProblem } from "./problem.ts";

export interface Storage {
  volume: Volume;
  /** Inside the volume. */
  subPath?: string;
  /** Of the Model, when the URI names one. */
  modelVersion?: number;
}

export interface StorageWorld extends Pick<ServingOptions, "artifacts" | "fileRoots"> {
  model(name: string): Model | undefined;
  modelNames(): string[];
}

export const modelVolume = "model";

/** Throws PredictorProblem. */
export async function resolveStorage(uri: string, namespace: string, world: StorageWorld): Promise<Storage> {
  const at = "spec.predictor.model.storageUri";
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(uri)?.[1];
  if (scheme === "model") {
    const named = modelUri(uri);
    if (named) return fromModel(named, namespace, world);
    throw new PredictorProblem("InvalidPredictorSpec", `${at}: expected model://<name> or model://<name>/<version>`);
  }
  if (scheme === "pvc") return fromClaim(uri, at);
  if (scheme === "file") return fromFile(uri, at, world.fileRoots ?? []);
  const problem = scheme ? `the scheme ${scheme}:// is not supported` : `"${uri}" is not a URI`;
  throw new PredictorProblem("InvalidPredictorSpec", `${at}: ${problem}; use model://, pvc:// or file://`);
}

async function fromModel({ name, version }: ModelUri, namespace: string, world: StorageWorld): Promise<Storage> {
  const { artifacts } = world;
  const model = world.model(name);
  if (!model) {
    const near = nearest(name, world.modelNames());
    const hint = near ? `; did you mean "${near}"?` : ": train it, or see kubectl get models";
    throw new PredictorProblem("ModelNotFound", `the Model "${name}" is not in the namespace "${namespace}"${hint}`);
  }
  if (!artifacts)
    throw new PredictorProblem("InvalidPredictorSpec", "model:// needs an artifact repository in a directory");
  const chosen = choose(model, version);
  try {
    const path = await directoryUnder(artifacts.root(namespace), chosen.artifact.key);
    return { volume: { name: modelVolume, hostPath: { path, type: "Directory" } }, modelVersion: chosen.version };
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    throw new PredictorProblem("ModelNotFound", `version ${chosen.version} of the Model "${name}": ${error.message}`);
  }
}

function choose({ spec, metadata }: Model, version: number | undefined): ModelVersion {
  const sorted = [...spec.versions].sort((a, b) => b.version - a.version);
  const chosen = version === undefined ? sorted[0] : sorted.find((entry) => entry.version === version);
  if (chosen) return chosen;
  const have = sorted.map((entry) => entry.version).join(", ") || "none";
  throw new PredictorProblem(
    "ModelNotFound",
    `the Model "${metadata.name}" has no version ${version ?? "at all"}; it has: ${have}`,
  );
}

function fromClaim(uri: string, at: string): Storage {
  const [, claimName = "", path = ""] = /^pvc:\/\/([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)(?:\/(.*))?$/.exec(uri) ?? [];
  const parts = path.replace(/\/+$/, "").split("/");
  if (!claimName || parts.includes("..")) {
    throw new PredictorProblem("InvalidPredictorSpec", `${at}: expected pvc://<claim>/<path>, without ".."`);
  }
  const subPath = parts.filter((part) => part !== "").join("/");
  const volume = { name: modelVolume, persistentVolumeClaim: { claimName, readOnly: true } };
  return subPath ? { volume, subPath } : { volume };
}

async function fromFile(uri: string, at: string, roots: string[]): Promise<Storage> {
  const path = uri.slice("file://".length);
  if (!isAbsolute(path)) throw new PredictorProblem("InvalidPredictorSpec", `${at}: expected file:///an/absolute/path`);
  for (const root of roots) {
    const base = root.replace(/\/+$/, "");
    if (!path.startsWith(`${base}/`)) continue;
    try {
      const real = await directoryUnder(base, path.slice(base.length + 1).replace(/\/+$/, ""));
      return { volume: { name: modelVolume, hostPath: { path: real, type: "Directory" } } };
    } catch (error) {
      if (!(error instanceof DirectoryError)) throw error;
      throw new PredictorProblem("ModelNotFound", `${at}: ${error.message}`);
    }
  }
  const allowed = roots.length > 0 ? `allowed are paths below ${roots.join(", ")}` : "no directory is allowed here";
  throw new PredictorProblem("InvalidPredictorSpec", `${at}: ${allowed}`);
}
