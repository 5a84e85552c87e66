import type { Model, ModelVersion, ModelVersionStatus } from "@capstan/api/kinds/model";
import type { ModelSignature, Signature } from "@capstan/api/kinds/model-signature";
import { defaultSignature } from "@capstan/api/kinds/model-signature";

/** Newest first. */
export function versionsOf(model: Model): ModelVersion[] {
  return [...(model.spec.versions ?? [])].sort((a, b) => b.version - a.version);
}

export function statusOf(model: Model, version: number): ModelVersionStatus | undefined {
  return model.status?.versions?.find((status) => status.version === version);
}

/** The signature that a request gets when it names none. */
export function signatureOf(version: ModelVersion | undefined): Signature | undefined {
  const { signatures } = (version?.signature ?? {}) as Partial<ModelSignature>;
  if (!signatures) return undefined;
  return signatures[defaultSignature] ?? Object.values(signatures)[0];
}

export function accuracyOf(version: ModelVersion | undefined): number | undefined {
  const accuracy = version?.metrics?.accuracy;
  return typeof accuracy === "number" ? accuracy : undefined;
}
