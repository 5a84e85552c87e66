import type { ClusterRole, PolicyRule, RoleBinding, RoleRef } from "@capstan/api/generated/rbac-v1";
import { invalid, type KubeObject } from "@capstan/api/meta";
import { masters } from "../authentication/index.ts";
import type { AdmissionPlugin, Attributes } from "../request.ts";
import { forbiddenObject } from "./access.ts";
import type { Rbac } from "./rbac.ts";
import { describeRule, uncovered } from "./rule.ts";

const group = "rbac.authorization.k8s.io";
const same = (one: unknown, other: unknown) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/**
 * Nobody gives away permissions that they do not have: by writing a role (without the verb `escalate`), or by binding
 * one (without `bind`). Source: kubernetes/pkg/registry/rbac/{role,rolebinding}/policybased.
 */
export function createEscalationCheck(rbac: Rbac): AdmissionPlugin {
  return {
    name: "RBACEscalation",
    validate: (attributes) => {
      const { info, operation, object } = attributes;
      if (info.group !== group || info.subresource !== "" || !object || operation === "DELETE") return;
      if (info.resource === "roles" || info.resource === "clusterroles")
        checkRole(rbac, attributes, object as ClusterRole);
      else checkBinding(rbac, attributes, object as RoleBinding);
    },
  };
}

const all: PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

function checkRole(rbac: Rbac, attributes: Attributes, role: ClusterRole): void {
  const old = attributes.oldObject as ClusterRole | undefined;
  const { aggregationRule } = role;
  if (old && same(old.rules, role.rules) && same(old.aggregationRule, aggregationRule)) return;
  if (allows(rbac, attributes, "escalate", attributes.info.resource, attributes.name)) return;
  // What a role will aggregate is not known yet: it may be everything.
  require(rbac, attributes, aggregationRule ? all : (role.rules ?? []));
}

function checkBinding(rbac: Rbac, attributes: Attributes, binding: RoleBinding): void {
  const old = attributes.oldObject as RoleBinding | undefined;
  if (old && !same(old.roleRef, binding.roleRef)) throw immutable(attributes, binding);
  if (old && same(old.subjects, binding.subjects)) return;
  const { roleRef } = binding;
  const resource = roleRef.kind === "Role" ? "roles" : "clusterroles";
  if (allows(rbac, attributes, "bind", resource, roleRef.name)) return;
  const rules = rbac.rulesOf(roleRef, attributes.namespace);
  if (!rules) {
    throw forbiddenObject(
      attributes.info,
      attributes.name,
      `${resource}.${group} "${roleRef.name}" not found, and only who may bind any role may bind one that is not there`,
    );
  }
  require(rbac, attributes, rules);
}

function immutable({ kind, name }: Attributes, binding: KubeObject & { roleRef: unknown }) {
  const { apiGroup, kind: of, name: to } = binding.roleRef as RoleRef;
  const shown = JSON.stringify({ APIGroup: apiGroup, Kind: of, Name: to });
  const message = `Invalid value: ${shown}: cannot change roleRef`;
  return invalid(kind, name, [{ field: "roleRef", message, reason: "FieldValueInvalid" }]);
}

function allows(
  rbac: Rbac,
  { principal, namespace }: Attributes,
  verb: string,
  resource: string,
  name: string,
): boolean {
  if (principal.groups.includes(masters)) return true;
  const base = { principal, isResource: true, path: "", version: "v1", subresource: "" };
  return rbac.authorize({ ...base, verb, group, resource, namespace, name }).allowed;
}

function require(rbac: Rbac, { info, name, namespace, principal }: Attributes, wanted: readonly PolicyRule[]): void {
  const held = rbac.grants(principal, namespace).grants.flatMap((grant) => grant.rules);
  const missing = uncovered(held, wanted);
  if (missing.length === 0) return;
  const groups = JSON.stringify(principal.groups);
  const lines = missing.map(describeRule).join("\n");
  const text = `user ${JSON.stringify(principal.name)} (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${lines}`;
  throw forbiddenObject(info, name, text);
}
