import { StatusError } from "@capstan/api/meta";
import type { Interceptor, Principal } from "@capstan/base/http";
import { anonymous, authenticated, serviceAccounts } from "../authentication/index.ts";
import { type Access, type Authorizer, forbidden } from "./access.ts";

const prefix = "impersonate-";
const extraPrefix = "impersonate-extra-";

/** `kubectl --as`: acts as another, when the caller may `impersonate` each of the names it gives. */
export function createImpersonation(authorize: Authorizer): Interceptor {
  return (next) => async (request) => {
    const asked = Object.keys(request.headers).filter((name) => name.startsWith(prefix));
    const { principal } = request;
    if (asked.length === 0 || !principal) return next(request);
    const user = request.headers["impersonate-user"] ?? "";
    if (user === "")
      throw new StatusError("BadRequest", "Impersonate-User: is needed with any other Impersonate- header");
    const wanted = readHeaders(user, request.headers);
    for (const access of accessesOf(principal, wanted)) {
      const { allowed, reason } = authorize(access);
      if (!allowed) throw forbidden(access, reason);
    }
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !name.startsWith(prefix)));
    return next({ ...request, headers, principal: complete(wanted) });
  };
}

/** Whom a request asks to act as; whether it may is another question. */
export function readImpersonated(headers: Record<string, string>): Principal | undefined {
  const user = headers["impersonate-user"];
  return user ? complete(readHeaders(user, headers)) : undefined;
}

function readHeaders(name: string, headers: Record<string, string>): Principal {
  const list = (value: string | undefined) =>
    (value ?? "")
      .split(",")
      .map((item) => item.trim())
      .filter(Boolean);
  const wanted: Principal = { name, groups: list(headers["impersonate-group"]) };
  if (headers["impersonate-uid"]) wanted.uid = headers["impersonate-uid"];
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(extraPrefix)) continue;
    wanted.extra = { ...wanted.extra, [decodeURIComponent(header.slice(extraPrefix.length))]: list(value) };
  }
  return wanted;
}

/** One access for each name that is taken on. Source: apiserver's impersonation filter. */
function accessesOf(principal: Principal, wanted: Principal): Access[] {
  const base = {
    principal,
    verb: "impersonate",
    isResource: true,
    path: "",
    version: "v1",
    subresource: "",
    namespace: "",
  };
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(wanted.name);
  const all: Access[] = [
    account
      ? { ...base, group: "", resource: "serviceaccounts", namespace: account[1] ?? "", name: account[2] ?? "" }
      : { ...base, group: "", resource: "users", name: wanted.name },
  ];
  for (const name of wanted.groups) all.push({ ...base, group: "", resource: "groups", name });
  const group = "authentication.k8s.io";
  if (wanted.uid) all.push({ ...base, group, resource: "uids", name: wanted.uid });
  for (const [subresource, values] of Object.entries(wanted.extra ?? {})) {
    for (const name of values) all.push({ ...base, group, resource: "userextras", subresource, name });
  }
  return all;
}

/** Adds the groups that authentication would have given. */
function complete(wanted: Principal): Principal {
  const groups = [...wanted.groups];
  const add = (group: string) => groups.includes(group) || groups.push(group);
  const account = /^system:serviceaccount:([^:]+):[^:]+$/.exec(wanted.name);
  if (account && wanted.groups.length === 0) {
    add(serviceAccounts);
    add(`${serviceAccounts}:${account[1]}`);
  }
  if (wanted.name !== anonymous) add(authenticated);
  return { ...wanted, groups };
}
