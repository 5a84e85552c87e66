import type { ClusterRole, PolicyRule, Subject } from "@capstan/api/generated/rbac-v1";
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from "@capstan/api/generated/resources";
import { isReason, type KubeObject, type New, type Resource, refOf } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { defaultClusterRoleBindings, defaultClusterRoles, defaultRoleBindings, defaultRoles } from "./default-roles.ts";
import { uncovered } from "./rule.ts";

const autoupdate = "rbac.authorization.kubernetes.io/autoupdate";

/**
 * Creates the default roles and bindings that are missing, and gives back to those that are there what they lost, unless
 * their annotation says not to. @param client of system:masters. Namespace kube-system has to exist.
 */
export async function bootstrapRbac(client: Client): Promise<void> {
  await Promise.all([
    ...defaultClusterRoles.map((role) => ensure(client, ClusterRoles, role, withRules)),
    ...defaultClusterRoleBindings.map((binding) => ensure(client, ClusterRoleBindings, binding, withSubjects)),
    ...defaultRoles.map((role) => ensure(client, Roles, role, withRules)),
    ...defaultRoleBindings.map((binding) => ensure(client, RoleBindings, binding, withSubjects)),
  ]);
}

/** @param complete the present object with what it lacks; undefined when it lacks nothing. */
async function ensure<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  wanted: T,
  complete: (present: T, wanted: T) => T | undefined,
): Promise<void> {
  const present = await client.find(resource, refOf(wanted));
  if (present) {
    const better = present.metadata.annotations?.[autoupdate] === "false" ? undefined : complete(present, wanted);
    if (better) await client.update(resource, better);
    return;
  }
  try {
    await client.create(resource, structuredClone(wanted) as unknown as New<T>);
  } catch (error) {
    // Another server of the same cluster was quicker.
    if (!isReason(error, "AlreadyExists")) throw error;
  }
}

function withRules<T extends ClusterRole>(present: T, wanted: T): T | undefined {
  // The rules of an aggregated role are a controller's to write.
  if (wanted.aggregationRule) {
    return present.aggregationRule ? undefined : { ...present, aggregationRule: wanted.aggregationRule };
  }
  const rules: PolicyRule[] = present.rules ?? [];
  const missing = uncovered(rules, wanted.rules ?? []);
  return missing.length === 0 ? undefined : { ...present, rules: [...rules, ...missing] };
}

function withSubjects<T extends { subjects?: Subject[] }>(present: T, wanted: T): T | undefined {
  const has = ({ kind, name, namespace }: Subject) =>
    present.subjects?.some((s) => s.kind === kind && s.name === name && s.namespace === namespace);
  const missing = (wanted.subjects ?? []).filter((subject) => !has(subject));
  return missing.length === 0 ? undefined : { ...present, subjects: [...(present.subjects ?? []), ...missing] };
}
