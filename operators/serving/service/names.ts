import { createHash } from "node:crypto";
import { type InferenceService, InferenceServices, servingLabels } from "@capstan/api/kinds/serving";
import { apiVersionOf } from "@capstan/api/meta";
import type { ServingOptions } from "../options.ts";

export const predictorName = (service: string) => `${service}-predictor`;
export const canaryName = (service: string, canary: string) => `${service}-${canary}-canary`;

export function hostnameOf({ metadata }: InferenceService, { domain }: Pick<ServingOptions, "domain">): string {
  return `${metadata.name}-${metadata.namespace}.${domain}`;
}

export function urlOf(service: InferenceService, options: Pick<ServingOptions, "domain" | "publicPort">): string {
  const port = options.publicPort === undefined || options.publicPort === 80 ? "" : `:${options.publicPort}`;
  return `http://${hostnameOf(service, options)}${port}`;
}

/** Metadata that every object made for a service has: it goes when the service goes. */
export function ownedMetadata({ metadata }: InferenceService, name: string, component: string) {
  const owner = {
    apiVersion: apiVersionOf(InferenceServices),
    kind: InferenceServices.kind,
    name: metadata.name,
    uid: metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    namespace: metadata.namespace ?? "",
    name,
    labels: { [servingLabels.service]: metadata.name, [servingLabels.component]: component },
    ownerReferences: [owner],
  };
}

/** A short hash of plain data. */
export function digest(data: unknown): string {
  return createHash("sha256").update(JSON.stringify(data)).digest("hex").slice(0, 10);
}
