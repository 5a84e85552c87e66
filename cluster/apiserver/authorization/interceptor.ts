import { StatusError } from "@capstan/api/meta";
import type { Interceptor } from "@capstan/base/http";
import { annotate } from "../audit/annotations.ts";
import { requestInfoOf } from "../request-info.ts";
import { type Authorizer, accessOf, forbidden } from "./access.ts";

// As kube-apiserver's --authorization-always-allow-paths: whoever asks whether the server lives may not know anyone yet.
const always = /^\/(healthz|readyz|livez)(\/|$)/;

/** Refuses with Forbidden what the authorizer does not allow. */
export function createAuthorizationInterceptor(authorize: Authorizer): Interceptor {
  return (next) => async (request) => {
    const { principal } = request;
    if (!principal) throw new StatusError("Unauthorized", "Unauthorized");
    const info = requestInfoOf(request.method, request.url);
    if (!info.isResource && always.test(info.path)) return next(request);
    const access = accessOf(principal, info);
    const { allowed, reason = "" } = authorize(access);
    annotate(request, "authorization.k8s.io/decision", allowed ? "allow" : "forbid");
    annotate(request, "authorization.k8s.io/reason", reason);
    if (!allowed) throw forbidden(access, reason);
    return next(request);
  };
}
