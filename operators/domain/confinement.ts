// Tenants' pods stay in their containers: what would give a pod its node, and with it all other tenants, is refused.
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "@capstan/api/generated/admissionregistration-v1";
import { ValidatingAdmissionPolicies, ValidatingAdmissionPolicyBindings } from "@capstan/api/generated/resources";
import { isReason, type New } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { domainLabel } from "./labels.ts";

export const confinementName = "capstan-domain-pods";
/** A namespace that says `privileged` here is trusted by its administrator with whole nodes. */
const trustLabel = "pod-security.kubernetes.io/enforce";

// Source: Pod Security Standards, Baseline.
const capabilities =
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT";
const list = (field: string) => `(has(object.spec.${field}) ? object.spec.${field} : [])`;
/** In CEL: nothing of what every container's `securityContext` must not say. */
const every = (field: string, holds: string) =>
  `variables.containers.all(c, !has(c.securityContext) || !has(c.securityContext.${field}) || ${holds})`;

/**
 * The pods that a Domain's people may make.
 * @param artifacts the directory below which each namespace has its own; only that may be mounted from the node, to read
 */
function policyOf(artifacts: string | undefined): New<ValidatingAdmissionPolicy> {
  const pathIsOwn = artifacts
    ? `(v.hostPath.path.startsWith(${JSON.stringify(`${artifacts}/`)} + request.namespace + '/') && !v.hostPath.path.contains('..'))`
    : "false";
  const readOnly = `variables.containers.all(c, !has(c.volumeMounts) || c.volumeMounts.all(m, m.name != v.name || (has(m.readOnly) && m.readOnly)))`;
  const words = capabilities.split(" ").map((name) => `'${name}'`);
  const rules: [message: string, expression: string][] = [
    [
      "hostNetwork, hostPID and hostIPC are the node's",
      ["hostNetwork", "hostPID", "hostIPC"].map((f) => `(!has(object.spec.${f}) || !object.spec.${f})`).join(" && "),
    ],
    [
      "hostPath volumes are the node's files",
      `${list("volumes")}.all(v, !has(v.hostPath) || (${pathIsOwn} && ${readOnly}))`,
    ],
    ["privileged containers have the node", every("privileged", "!c.securityContext.privileged")],
    [
      `of capabilities only these may be added: ${capabilities}`,
      every(
        "capabilities",
        `!has(c.securityContext.capabilities.add) || c.securityContext.capabilities.add.all(a, a in [${words}])`,
      ),
    ],
    ["procMount Unmasked shows the node", every("procMount", "c.securityContext.procMount == 'Default'")],
    [
      "seccomp profile Unconfined opens the node's kernel",
      `${every("seccompProfile", "c.securityContext.seccompProfile.type != 'Unconfined'")} && (!has(object.spec.securityContext) || !has(object.spec.securityContext.seccompProfile) || object.spec.securityContext.seccompProfile.type != 'Unconfined')`,
    ],
    [
      "hostPort is a port of the node",
      "variables.containers.all(c, !has(c.ports) || c.ports.all(p, !has(p.hostPort) || p.hostPort == 0))",
    ],
  ];
  const validations = rules.map(([message, expression]) => ({
    expression,
    message: `pods of a Domain have no right to their node: ${message}`,
    reason: "Forbidden",
  }));
  const apiGroups = [""];
  const apiVersions = ["v1"];
  return {
    metadata: { name: confinementName },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [
          { apiGroups, apiVersions, operations: ["CREATE"], resources: ["pods"] },
          { apiGroups, apiVersions, operations: ["UPDATE"], resources: ["pods/ephemeralcontainers"] },
        ],
      },
      variables: [
        {
          name: "containers",
          expression: ["containers", "initContainers", "ephemeralContainers"].map(list).join(" + "),
        },
      ],
      validations,
    },
  };
}

const binding: New<ValidatingAdmissionPolicyBinding> = {
  metadata: { name: confinementName },
  spec: {
    policyName: confinementName,
    validationActions: ["Deny"],
    matchResources: {
      namespaceSelector: {
        matchExpressions: [
          { key: domainLabel, operator: "Exists" },
          { key: trustLabel, operator: "NotIn", values: ["privileged"] },
        ],
      },
    },
  },
};

/** Puts the policy in force for all Domains' namespaces; a cluster that knows no such policies is told of in the log. */
export async function confine(client: Client, artifacts: string | undefined, log: Logger): Promise<void> {
  const options = { fieldManager: "capstan-domains", force: true };
  try {
    await client.apply(ValidatingAdmissionPolicies, policyOf(artifacts), options);
    await client.apply(ValidatingAdmissionPolicyBindings, binding, options);
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
    log.warn("this cluster has no ValidatingAdmissionPolicies: label the Domains' namespaces for Pod Security", {
      label: `${trustLabel}=baseline`,
    });
  }
}
