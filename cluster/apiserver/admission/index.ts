// What writes must pass on their way to the store, in upstream's order: the plugins that change, then those that refuse.
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { createAuthorizer } from "../authorization/index.ts";
import type { ExtensionFactory } from "../request.ts";
import { createCertificateAdmission } from "./certificates.ts";
import { createDefaultIngressClass, createDefaultStorageClass } from "./default-class.ts";
import { extendedResourceToleration } from "./extended-resources.ts";
import { createLimitRanger } from "./limit-ranger.ts";
import { createNamespaceLifecycle } from "./namespace-lifecycle.ts";
import { createNodeRestriction } from "./node-restriction.ts";
import { taintNodesByCondition } from "./node-taint.ts";
import { createOwnerReferences } from "./owner-references.ts";
import { createPodSecurity } from "./pod-security/plugin.ts";
import { createPodTolerations } from "./pod-tolerations.ts";
import { createAdmissionPolicies } from "./policy/plugin.ts";
import { createPriority } from "./priority.ts";
import { createResourceQuota } from "./quota/resource-quota.ts";
import { createRuntimeClassAdmission } from "./runtime-class.ts";
import { createServiceAccountAdmission } from "./service-account.ts";
import { storageObjectInUseProtection } from "./storage-protection.ts";
import { defaultTolerationSeconds } from "./tolerations.ts";
import { createMutatingWebhooks, createValidatingWebhooks } from "./webhook/plugin.ts";

export { bootstrapPriorityClasses } from "./priority.ts";
export { quotaCounts } from "./quota/scope.ts";
export { addUsage, isBinary, type Usage, usageOf } from "./quota/usage.ts";

export interface AdmissionOptions {
  log: Logger;
  /** Of system:masters, asked for when first needed: waits for the account of a namespace that is only just made. */
  client?: () => Client;
}

/** Third among the server's extensions. */
export function createAdmission({ log, client }: AdmissionOptions): ExtensionFactory {
  return (view) => {
    const authorize = createAuthorizer(view);
    const admission = [
      createNamespaceLifecycle(view),
      createLimitRanger(view),
      createServiceAccountAdmission(view, client),
      createNodeRestriction(view),
      taintNodesByCondition,
      createPodSecurity(view),
      createPriority(view),
      defaultTolerationSeconds,
      createPodTolerations(view),
      extendedResourceToleration,
      storageObjectInUseProtection,
      createDefaultStorageClass(view),
      createRuntimeClassAdmission(view),
      createDefaultIngressClass(view),
      createMutatingWebhooks(view, authorize, log),
      createCertificateAdmission(authorize),
      createOwnerReferences(view, authorize),
      createAdmissionPolicies(view, authorize),
      createValidatingWebhooks(view, authorize, log),
      createResourceQuota(view),
    ];
    return { admission };
  };
}
