import type { ClusterRole, ClusterRoleBinding, PolicyRule, RoleBinding, Subject } from "@capstan/api/generated/rbac-v1";
import { ClusterRoleBindings, ClusterRoles, RoleBindings } from "@capstan/api/generated/resources";
import { type Domain, Domains } from "@capstan/api/kinds/domain";
import { type KubeObject, type New, type Resource, refOf } from "@capstan/api/meta";
import { ownerOf, type World } from "./world.ts";

/** Annotations of a Domain: who works in it, and who also decides who else does. Names are set apart by commas. */
export const membersAnnotation = "capstan.dev/members";
export const ownersAnnotation = "capstan.dev/owners";

/** People and groups that one annotation may name. */
const memberLimit = 500;
const rbac = "rbac.authorization.k8s.io";

export interface Members {
  subjects: Subject[];
  /** What in the annotation names nobody. */
  problems: string[];
}

/** Reads `alice, group:risk, serviceaccount:NAMESPACE:NAME`. */
export function parseMembers(text: string | undefined): Members {
  const words = (text ?? "").split(",").map((word) => word.trim());
  const subjects = new Map<string, Subject>();
  const problems: string[] = [];
  for (const word of words.filter(Boolean)) {
    const subject = subjectOf(word);
    if (!subject) problems.push(`"${word}" is no user, group:NAME or serviceaccount:NAMESPACE:NAME`);
    else subjects.set(word, subject);
  }
  if (subjects.size > memberLimit) {
    return {
      subjects: [],
      problems: [`${subjects.size} names are more than memberLimit (${memberLimit}): name a group`],
    };
  }
  return { subjects: [...subjects.values()], problems };
}

function subjectOf(word: string): Subject | undefined {
  const [, kind, rest = ""] = /^(group|serviceaccount|user):(.+)$/.exec(word) ?? [];
  if (kind === "serviceaccount") {
    const [, namespace, name] = /^([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})$/.exec(rest) ?? [];
    return namespace && name ? { kind: "ServiceAccount", namespace, name } : undefined;
  }
  const name = kind ? rest : word;
  if (name.length > 253 || /[\s\p{Cc}]/u.test(name) || name.startsWith("system:")) return undefined;
  return { kind: kind === "group" ? "Group" : "User", apiGroup: rbac, name };
}

/**
 * Gives members the Domain's Role and owners the built-in role admin in it. Both see the namespace; the Domain itself,
 * whose status has the tokens that let nodes in, is for owners alone.
 */
export async function syncMembers(world: World, domain: Domain): Promise<string[]> {
  const { name } = domain.metadata;
  const { annotations = {} } = domain.metadata;
  const members = parseMembers(annotations[membersAnnotation]);
  const owners = parseMembers(annotations[ownersAnnotation]);
  const metadata = { ownerReferences: [ownerOf(domain)] };
  const bind = (part: string, kind: string, role: string, subjects: Subject[]): New<RoleBinding> => ({
    metadata: { ...metadata, namespace: name, name: `${name}-${part}` },
    roleRef: { apiGroup: rbac, kind, name: role },
    subjects,
  });
  await sync(world, RoleBindings, bind("members", "Role", name, members.subjects), members.subjects.length > 0);
  await sync(world, RoleBindings, bind("owners", "ClusterRole", "admin", owners.subjects), owners.subjects.length > 0);
  const look = async (part: string, rule: PolicyRule, subjects: Subject[]) => {
    const named = { ...metadata, name: `capstan:domain:${name}${part}` };
    const roleRef = { apiGroup: rbac, kind: "ClusterRole", name: named.name };
    const rules = [{ ...rule, resourceNames: [name], verbs: ["get"] }];
    await sync<ClusterRole>(world, ClusterRoles, { metadata: named, rules }, subjects.length > 0);
    const binding: New<ClusterRoleBinding> = { metadata: named, roleRef, subjects };
    await sync(world, ClusterRoleBindings, binding, subjects.length > 0);
  };
  const all = [...owners.subjects, ...members.subjects];
  await look("", { apiGroups: [""], resources: ["namespaces"], verbs: [] }, all);
  await look(":owners", { apiGroups: [Domains.group], resources: [Domains.resource], verbs: [] }, owners.subjects);
  return [...owners.problems, ...members.problems];
}

/** Makes, changes or removes an object of the Domain's own. */
async function sync<T extends KubeObject & { rules?: unknown; subjects?: unknown }>(
  { client, informers }: World,
  resource: Resource<T>,
  wanted: New<T>,
  needed: boolean,
): Promise<void> {
  const { namespace, name = "", ownerReferences = [] } = wanted.metadata;
  const ref = { ...(namespace ? { namespace } : {}), name };
  const present = informers.informer(resource).get(ref);
  if (!needed) {
    if (present && isOwned(present, wanted)) await client.delete(resource, refOf(present));
    return;
  }
  if (!present) {
    await client.create(resource, wanted);
    return;
  }
  const essence = (object: { rules?: unknown; subjects?: unknown }) => JSON.stringify([object.rules, object.subjects]);
  if (isOwned(present, wanted) && essence(present) === essence(wanted as object)) return;
  await client.update(resource, { ...present, ...wanted, metadata: { ...present.metadata, ownerReferences } });
}

function isOwned({ metadata }: KubeObject, wanted: { metadata: { ownerReferences?: { uid: string }[] } }): boolean {
  const uid = wanted.metadata.ownerReferences?.[0]?.uid;
  return metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false;
}
