// Source: upstream's pkg/apis/{resource,storage,networking,flowcontrol}/v1/defaults.go.
import type { FlowSchema, PriorityLevelConfiguration } from "@capstan/api/generated/flowcontrol-v1";
import type { IngressClass } from "@capstan/api/generated/networking-v1";
import type { ResourceClaim, ResourceClaimSpec, ResourceClaimTemplate } from "@capstan/api/generated/resource-v1";
import type { CSIDriver } from "@capstan/api/generated/storage-v1";

function defaultRequests(spec: ResourceClaimSpec | undefined): void {
  for (const { exactly, firstAvailable } of spec?.devices?.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) {
      request.allocationMode ||= "ExactCount";
      if (request.allocationMode === "ExactCount") request.count ||= 1;
    }
  }
}

export const defaultResourceClaim = ({ spec }: ResourceClaim): void => defaultRequests(spec);
export const defaultResourceClaimTemplate = ({ spec }: ResourceClaimTemplate): void => defaultRequests(spec?.spec);

export function defaultDriver(driver: CSIDriver): void {
  driver.spec ??= {};
  const { spec } = driver;
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType";
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ["Persistent"];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}

export function defaultIngressClass({ spec }: IngressClass): void {
  if (spec?.parameters) spec.parameters.scope ??= "Cluster";
}

export function defaultPriorityLevel({ spec }: PriorityLevelConfiguration): void {
  if (spec?.limited) {
    spec.limited.nominalConcurrencyShares ??= 30;
    spec.limited.lendablePercent ??= 0;
  }
  if (spec?.exempt) {
    spec.exempt.nominalConcurrencyShares ??= 0;
    spec.exempt.lendablePercent ??= 0;
  }
}

export function defaultFlowSchema(schema: FlowSchema): void {
  if (schema.spec) schema.spec.matchingPrecedence ||= 1000;
}
