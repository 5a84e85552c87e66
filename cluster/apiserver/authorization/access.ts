import { StatusError } from "@capstan/api/meta";
import type { Principal } from "@capstan/base/http";
import type { RequestInfo } from "../request.ts";

/** What somebody wants to do. */
export interface Access {
  principal: Principal;
  verb: string;
  isResource: boolean;
  /** Of requests that are not for resources. */
  path: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  /** Empty at the cluster scope. */
  namespace: string;
  name: string;
}

export interface Decision {
  allowed: boolean;
  /** Why it is allowed, or what went wrong on the way to a no. */
  reason?: string;
}

export type Authorizer = (access: Access) => Decision;

const namedByField = new Set(["list", "watch", "deletecollection"]);

export function accessOf(principal: Principal, info: RequestInfo): Access {
  const { verb, isResource, path, group, version, resource, subresource, namespace } = info;
  let { name } = info;
  if (name === "" && namedByField.has(verb)) {
    // A list of one name can be allowed where a list of all is not. Source: apiserver's RequestInfoFactory.
    name = /^metadata\.name==?([^,=!]+)$/.exec(info.query.get("fieldSelector") ?? "")?.[1] ?? "";
  }
  return { principal, verb, isResource, path, group, version, resource, subresource, namespace, name };
}

const quote = JSON.stringify;

/** Worded as kube-apiserver does: users and tools know these sentences. */
export function forbidden(access: Access, reason?: string): StatusError {
  const { principal, verb, isResource, path, group, resource, subresource, namespace, name } = access;
  const because = reason ? `: ${reason}` : "";
  if (!isResource) {
    return new StatusError(
      "Forbidden",
      `forbidden: User ${quote(principal.name)} cannot ${verb} path ${quote(path)}${because}`,
      {},
    );
  }
  const what = subresource ? `${resource}/${subresource}` : resource;
  const where = namespace ? `in the namespace ${quote(namespace)}` : "at the cluster scope";
  const text = `User ${quote(principal.name)} cannot ${verb} resource ${quote(what)} in API group ${quote(group)} ${where}`;
  return forbiddenObject({ group, resource }, name, text + because);
}

/** Forbidden, with the object that the refusal is about in front. */
export function forbiddenObject(of: { group: string; resource: string }, name: string, text: string): StatusError {
  const qualified = of.group ? `${of.resource}.${of.group}` : of.resource;
  const subject = name ? `${qualified} ${quote(name)}` : qualified;
  const details = { ...(name ? { name } : {}), group: of.group || undefined, kind: of.resource };
  return new StatusError("Forbidden", `${subject} is forbidden: ${text}`, details);
}
