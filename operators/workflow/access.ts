// The rights that executor and agent need in a workflow's namespace: to see their tasks and to report, nothing else.
import { RoleBindings, Roles } from "@capstan/api/generated/resources";
import { type Client, createIfAbsent } from "@capstan/core/client";

const name = "workflow-executor";

/** Gives every service account of a namespace the right to report. Once a namespace; what is there already stays. */
export function createAccess(client: Client): (namespace: string) => Promise<void> {
  const given = new Map<string, Promise<void>>();
  return (namespace) => {
    let gift = given.get(namespace);
    if (!gift) {
      gift = give(client, namespace);
      given.set(namespace, gift);
      gift.catch(() => given.delete(namespace));
    }
    return gift;
  };
}

async function give(client: Client, namespace: string): Promise<void> {
  const apiGroups = ["argoproj.io"];
  const rules = [
    { apiGroups, resources: ["workflowtaskresults"], verbs: ["create", "patch"] },
    { apiGroups, resources: ["workflowtasksets"], verbs: ["list", "watch"] },
    { apiGroups, resources: ["workflowtasksets/status"], verbs: ["patch"] },
    { apiGroups, resources: ["workflowartifactgctasks"], verbs: ["list"] },
    { apiGroups, resources: ["workflowartifactgctasks/status"], verbs: ["patch"] },
  ];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
  const group = `system:serviceaccounts:${namespace}`;
  const subjects = [{ kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: group }];
  await client.apply(
    Roles,
    { metadata: { name, namespace }, rules },
    { fieldManager: "workflow-controller", force: true },
  );
  await createIfAbsent(client, RoleBindings, { metadata: { name, namespace }, roleRef, subjects });
}
