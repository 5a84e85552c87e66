// The status of Models: which versions' files are there, and which services serve them.
import { isDeepStrictEqual } from "node:util";
import { type Model, type ModelStatus, Models, type ModelVersionStatus } from "@capstan/api/kinds/model";
import { type InferenceService, InferenceServices } from "@capstan/api/kinds/serving";
import { keyOf, parseKey } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { DirectoryError, directoryUnder } from "../directory.ts";
import type { ArtifactDirectories, ServingOptions } from "../options.ts";
import { modelUri } from "../service/model-uri.ts";

export function createModelStatus({ client, informers, log, artifacts }: ServingOptions): Controller {
  const models = informers.informer(Models);
  const services = informers.informer(InferenceServices);
  services.addIndex(modelIndex, modelKeys);
  return createController({
    name: "model-status",
    informers,
    log,
    sources: [
      { resource: Models },
      { resource: InferenceServices, keys: (service) => modelKeys(service).map(parseKey) },
    ],
    async reconcile(ref) {
      const model = models.get(ref);
      if (!model) return undefined;
      const status = await statusOf(model, services.byIndex(modelIndex, keyOf(ref)), artifacts);
      if (!isDeepStrictEqual(status, model.status)) await client.updateStatus(Models, { ...model, status });
      return undefined;
    },
  });
}

const modelIndex = "model";

function modelKeys({ spec, metadata }: InferenceService): string[] {
  const named = modelUri(spec.predictor?.model?.storageUri);
  return named ? [keyOf({ namespace: metadata.namespace ?? "", name: named.name })] : [];
}

async function statusOf(
  { spec, metadata, status: before }: Model,
  services: InferenceService[],
  artifacts: ArtifactDirectories | undefined,
): Promise<ModelStatus> {
  const versions = await Promise.all(
    spec.versions.map(async ({ version, artifact }): Promise<ModelVersionStatus> => {
      const message = await problemOf(metadata.namespace ?? "", artifact.key, artifacts);
      const servedBy = services
        .filter((service) => service.status?.components?.predictor?.modelVersion === version)
        .map((service) => service.metadata.name)
        .sort();
      return {
        version,
        state: message === undefined ? "Available" : "Missing",
        ...(message === undefined ? {} : { message }),
        ...(servedBy.length > 0 ? { servedBy } : {}),
      };
    }),
  );
  const latest = versions.filter(({ state }) => state === "Available").at(-1);
  const ready = latest ? "True" : "False";
  const old = before?.conditions?.find(({ type }) => type === "Ready");
  const condition = {
    type: "Ready",
    status: ready,
    reason: latest ? "Available" : "Missing",
    message: latest ? `version ${latest.version} is the latest` : "no version has its files in the artifact repository",
    observedGeneration: metadata.generation ?? 1,
    lastTransitionTime: old?.status === ready ? old.lastTransitionTime : `${new Date().toISOString().slice(0, 19)}Z`,
  };
  return {
    observedGeneration: metadata.generation ?? 1,
    ...(latest ? { latestVersion: latest.version } : {}),
    versions,
    conditions: [condition],
  };
}

/** Why a version's files cannot be had, or undefined. */
async function problemOf(
  namespace: string,
  key: string,
  artifacts: ArtifactDirectories | undefined,
): Promise<string | undefined> {
  if (!artifacts) return undefined;
  try {
    await directoryUnder(artifacts.root(namespace), key);
    return undefined;
  } catch (error) {
    if (error instanceof DirectoryError) return error.message;
    throw error;
  }
}
