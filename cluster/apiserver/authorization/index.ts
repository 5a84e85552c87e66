// Who may do what: role-based access control, impersonation, access reviews, and the check against giving away more than one has.
import type { ExtensionFactory } from "../request.ts";
import { createEscalationCheck } from "./escalation.ts";
import { createImpersonation } from "./impersonation.ts";
import { createAuthorizationInterceptor } from "./interceptor.ts";
import { createRbac } from "./rbac.ts";
import { createReviewEndpoints } from "./review.ts";

export { type Access, type Authorizer, forbiddenObject } from "./access.ts";
export { bootstrapRbac } from "./bootstrap.ts";
export { createRbac } from "./rbac.ts";

/** Second among the server's extensions, after authentication. */
export function createAuthorization(): ExtensionFactory {
  return (view) => {
    const rbac = createRbac(view);
    return {
      interceptors: [createImpersonation(rbac.authorize), createAuthorizationInterceptor(rbac.authorize)],
      admission: [createEscalationCheck(rbac)],
      endpoints: createReviewEndpoints(rbac),
    };
  };
}
