// ClusterRoles made of others: their rules are those of the roles that their selectors choose.
import type { ClusterRole, PolicyRule } from "@capstan/api/generated/rbac-v1";
import { ClusterRoles } from "@capstan/api/generated/resources";
import { refOf, selects } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import type { ControllerContext } from "../context.ts";

/** Source: kubernetes/pkg/controller/clusterroleaggregation. */
export function createRoleAggregation({ client, informers, log }: ControllerContext): Controller {
  const roles = informers.informer(ClusterRoles);
  const aggregated = () => roles.list().filter(({ aggregationRule }) => aggregationRule);
  return createController({
    name: "clusterrole-aggregation",
    informers,
    log,
    // A role may be part of any aggregated one, or have been before its labels changed.
    sources: [{ resource: ClusterRoles, keys: () => aggregated().map(refOf) }],
    reconcile: async (ref) => {
      const role = roles.get(ref);
      if (!role?.aggregationRule) return undefined;
      const rules = rulesOf(role, roles.list());
      if (JSON.stringify(rules) !== JSON.stringify(role.rules ?? []))
        await client.update(ClusterRoles, { ...role, rules });
      return undefined;
    },
  });
}

function rulesOf(role: ClusterRole, all: ClusterRole[]): PolicyRule[] {
  const rules = new Map<string, PolicyRule>();
  const chosen = all.filter(
    (other) =>
      other.metadata.name !== role.metadata.name &&
      role.aggregationRule?.clusterRoleSelectors?.some((selector) => selects(selector, other.metadata.labels)),
  );
  for (const other of chosen.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    for (const rule of other.rules ?? []) rules.set(JSON.stringify(rule), rule);
  }
  return [...rules.values()];
}
