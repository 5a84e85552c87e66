import type { ClusterRole, PolicyRule, RoleRef, Subject } from "@capstan/api/generated/rbac-v1";
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from "@capstan/api/generated/resources";
import { selects } from "@capstan/api/meta";
import type { Principal } from "@capstan/base/http";
import { masters, serviceAccountName } from "../authentication/index.ts";
import type { View } from "../request.ts";
import type { Access, Authorizer, Decision } from "./access.ts";
import { ruleAllows } from "./rule.ts";

interface Binding {
  metadata: { name: string; namespace?: string };
  roleRef: RoleRef;
  subjects?: Subject[];
}

/** The rules that one binding gives somebody. */
export interface Grant {
  rules: readonly PolicyRule[];
  /** For messages: through what, and to whom. */
  reason: string;
}

export interface Rbac {
  authorize: Authorizer;
  /** All that a principal may do in a namespace; at the cluster scope when it is empty. */
  grants(principal: Principal, namespace: string): { grants: Grant[]; errors: string[] };
  /** Rules of a role, aggregated ones included; undefined when there is no such role. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
}

const everything: Grant = {
  rules: [
    { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
    { verbs: ["*"], nonResourceURLs: ["*"] },
  ],
  reason: "",
};

/** Role-based access control over the stored roles and bindings: a change counts from the next request on. */
export function createRbac(view: View): Rbac {
  const rulesOf: Rbac["rulesOf"] = (ref, namespace) => {
    if (ref.kind === "Role") return view.get(Roles, { namespace, name: ref.name })?.rules;
    const role = view.get(ClusterRoles, { name: ref.name });
    return role && clusterRules(view, role);
  };
  const grants: Rbac["grants"] = (principal, namespace) => {
    if (principal.groups.includes(masters)) return { grants: [everything], errors: [] };
    const result: { grants: Grant[]; errors: string[] } = { grants: [], errors: [] };
    const lists = [view.list(ClusterRoleBindings), ...(namespace ? [view.list(RoleBindings, namespace)] : [])];
    for (const list of lists) {
      for (const { binding, subject } of bindingsFor(list as readonly Binding[], principal)) {
        const { kind, name } = binding.roleRef;
        const rules = rulesOf(binding.roleRef, namespace);
        if (!rules) {
          result.errors.push(`${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`);
          continue;
        }
        result.grants.push({ rules, reason: describe(binding, subject) });
      }
    }
    return result;
  };
  return { grants, rulesOf, authorize: (access) => decide(access, grants(access.principal, access.namespace)) };
}

function decide(access: Access, { grants, errors }: { grants: Grant[]; errors: string[] }): Decision {
  for (const { rules, reason } of grants) {
    if (rules.some((rule) => ruleAllows(rule, access)))
      return reason ? { allowed: true, reason: `RBAC: allowed by ${reason}` } : { allowed: true };
  }
  return errors.length > 0 ? { allowed: false, reason: `RBAC: ${errors.join(", ")}` } : { allowed: false };
}

/** Rules of aggregated roles, for each version of the list of roles. */
const aggregates = new WeakMap<readonly ClusterRole[], Map<string, readonly PolicyRule[]>>();

/** An aggregated role is what it selects now, also before its stored rules follow. */
function clusterRules(view: View, role: ClusterRole): readonly PolicyRule[] {
  if (!role.aggregationRule) return role.rules ?? [];
  const roles = view.list(ClusterRoles);
  const known = aggregates.get(roles) ?? new Map<string, readonly PolicyRule[]>();
  aggregates.set(roles, known);
  const { name } = role.metadata;
  const rules = known.get(name) ?? collectRules(roles, role, []);
  known.set(name, rules);
  return rules;
}

/** @param within the roles around this one: a circle of roles ends. */
function collectRules(
  roles: readonly ClusterRole[],
  role: ClusterRole,
  within: readonly string[],
): readonly PolicyRule[] {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (!selectors) return role.rules ?? [];
  const around = [...within, role.metadata.name];
  return roles
    .filter(({ metadata }) => !around.includes(metadata.name) && selectors.some((one) => selects(one, metadata.labels)))
    .flatMap((other) => collectRules(roles, other, around));
}

interface Match {
  binding: Binding;
  subject: Subject;
}
const indexes = new WeakMap<readonly Binding[], Map<string, Match[]>>();

function bindingsFor(list: readonly Binding[], { name, groups }: Principal): Match[] {
  let index = indexes.get(list);
  if (!index) {
    index = indexBindings(list);
    indexes.set(list, index);
  }
  const found = [...(index.get(`User/${name}`) ?? [])];
  for (const group of groups) found.push(...(index.get(`Group/${group}`) ?? []));
  return found;
}

function indexBindings(list: readonly Binding[]): Map<string, Match[]> {
  const index = new Map<string, Match[]>();
  for (const binding of list) {
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, binding.metadata.namespace ?? "");
      if (!key) continue;
      const matches = index.get(key) ?? [];
      matches.push({ binding, subject });
      index.set(key, matches);
    }
  }
  return index;
}

function subjectKey({ kind, name, namespace }: Subject, own: string): string | undefined {
  if (kind === "User" || kind === "Group") return `${kind}/${name}`;
  return kind === "ServiceAccount" ? `User/${serviceAccountName(namespace || own, name)}` : undefined;
}

function describe({ metadata, roleRef }: Binding, { kind, name, namespace }: Subject): string {
  const binding = metadata.namespace
    ? `RoleBinding "${metadata.name}/${metadata.namespace}"`
    : `ClusterRoleBinding "${metadata.name}"`;
  return `${binding} of ${roleRef.kind} "${roleRef.name}" to ${kind} "${namespace ? `${name}/${namespace}` : name}"`;
}
