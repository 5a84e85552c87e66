import type { OwnerReference } from "@capstan/api/generated/meta-v1";
import type { Authorizer } from "../authorization/index.ts";
import { forbiddenObject } from "../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../request.ts";

/**
 * Who makes an object block its owner's deletion must be able to hold that deletion up anyway: by updating the owner or
 * its finalizers. Source: kubernetes/plugin/pkg/admission/gc.
 */
export function createOwnerReferences(view: View, authorize: Authorizer): AdmissionPlugin {
  return {
    name: "OwnerReferencesPermissionEnforcement",
    validate: (attributes) => {
      const { object, oldObject, info, name } = attributes;
      if (!object || info.subresource !== "") return;
      const known = new Set(blocking(oldObject?.metadata.ownerReferences).map(({ uid }) => uid));
      for (const owner of blocking(object.metadata.ownerReferences)) {
        if (known.has(owner.uid) || maySuspend(view, authorize, attributes, owner)) continue;
        const text = `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${owner.kind} ${JSON.stringify(owner.name)}`;
        throw forbiddenObject(info, name, text);
      }
    },
  };
}

function blocking(owners: OwnerReference[] | undefined): OwnerReference[] {
  return (owners ?? []).filter(({ blockOwnerDeletion }) => blockOwnerDeletion);
}

function maySuspend(
  view: View,
  authorize: Authorizer,
  { principal, namespace }: Attributes,
  owner: OwnerReference,
): boolean {
  const [group, version] = owner.apiVersion.includes("/") ? owner.apiVersion.split("/") : ["", owner.apiVersion];
  const resource = view.resourceOfKind(group ?? "", version ?? "", owner.kind);
  // A kind that nothing serves has no deletion to hold up.
  if (!resource) return true;
  const access = {
    ...{ principal, verb: "update", isResource: true, path: "", name: owner.name },
    ...{ group: resource.group, version: resource.version, resource: resource.resource },
    namespace: resource.namespaced ? namespace : "",
  };
  return ["finalizers", ""].some((subresource) => authorize({ ...access, subresource }).allowed);
}
