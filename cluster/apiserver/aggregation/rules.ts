// Rules for APIService objects. Source: kube-aggregator's apis/apiregistration/validation and its registry.
import type { APIService, APIServiceCondition } from "@capstan/api/generated/apiregistration-v1";
import type { FieldErrors } from "../field-errors.ts";
import type { Rules } from "../kind.ts";
import { isDnsLabel, isSubdomain, labelDetail, subdomainDetail, timeNow } from "../metadata.ts";

/** Takes over what was written, and lets go of what was removed. */
export interface Hooks {
  stored(service: APIService): void;
  deleted(service: APIService): void;
}

export function apiServiceRules({ stored, deleted }: Hooks): Rules<APIService> {
  return {
    defaults({ spec }) {
      if (spec?.service) spec.service.port ??= 443;
    },
    prepare(service, old, { subresource }) {
      if (subresource === "status") return;
      if (!service.spec?.service) setCondition(service, locallyAvailable);
      else if (!old?.spec?.service) delete service.status;
    },
    validate,
    stored,
    deleted,
  };
}

export type Availability = Pick<APIServiceCondition, "status" | "reason" | "message">;

export const locallyAvailable: Availability = {
  status: "True",
  reason: "Local",
  message: "Local APIServices are always available",
};

export function setCondition(service: APIService, { status, reason, message }: Availability): void {
  const present = service.status?.conditions?.find(({ type }) => type === "Available");
  const lastTransitionTime = present?.status === status ? present.lastTransitionTime : timeNow();
  const condition = { type: "Available", status, reason, message, lastTransitionTime } as APIServiceCondition;
  service.status = { conditions: [condition] };
}

function validate({ metadata, spec }: APIService, errors: FieldErrors): void {
  if (!spec) {
    errors.required("spec");
    return;
  }
  const { group = "", version = "", service, caBundle, insecureSkipTLSVerify } = spec;
  const name = `${version}.${group}`;
  if (metadata.name !== name)
    errors.invalid("metadata.name", metadata.name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`);
  if (group === "" && version !== "v1")
    errors.required("spec.group", "only v1 may have an empty group and it better be legacy kube");
  if (group !== "" && !isSubdomain(group)) errors.invalid("spec.group", group, subdomainDetail);
  if (!isDnsLabel(version)) errors.invalid("spec.version", version, labelDetail);
  const { groupPriorityMinimum: group1 = 0, versionPriority: version1 = 0 } = spec;
  if (group1 <= 0 || group1 > 20_000)
    errors.invalid("spec.groupPriorityMinimum", group1, "must be positive and less than 20000");
  if (version1 <= 0 || version1 > 1000)
    errors.invalid("spec.versionPriority", version1, "must be positive and less than 1000");
  if (!service) {
    if (caBundle) errors.invalid("spec.caBundle", "<bytes>", "local APIServices may not have a caBundle");
    if (insecureSkipTLSVerify)
      errors.invalid("spec.insecureSkipTLSVerify", true, "local APIServices may not have insecureSkipTLSVerify");
    return;
  }
  if (!service.namespace) errors.required("spec.service.namespace");
  if (!service.name) errors.required("spec.service.name");
  const { port = 443 } = service;
  if (port < 1 || port > 65535)
    errors.invalid("spec.service.port", port, "port is not valid: must be between 1 and 65535, inclusive");
  if (insecureSkipTLSVerify && caBundle)
    errors.invalid("spec.insecureSkipTLSVerify", true, "may not be true if caBundle is present");
}
