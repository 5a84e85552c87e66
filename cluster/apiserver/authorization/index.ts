// Who may do what: role-based access control, impersonation, access reviews, and the check against giving away more than one has.
import type { ExtensionFactory, View } from "../request.ts";
import type { Authorizer } from "./access.ts";
import { createEscalationCheck } from "./escalation.ts";
import { createImpersonation } from "./impersonation.ts";
import { createAuthorizationInterceptor } from "./interceptor.ts";
import { anyOf, createNodeAuthorizer } from "./node.ts";
import { createRbac } from "./rbac.ts";
import { createReviewEndpoints } from "./review.ts";

export { type Access, type Authorizer, forbiddenObject } from "./access.ts";
export { bootstrapRbac } from "./bootstrap.ts";
export { nodeOf } from "./node.ts";
export { createRbac } from "./rbac.ts";

/** Decides by roles, and for nodes by what they run. */
export const createAuthorizer = (view: View): Authorizer =>
  anyOf(createRbac(view).authorize, createNodeAuthorizer(view));

/** Second among the server's extensions, after authentication. */
export function createAuthorization(): ExtensionFactory {
  return (view) => {
    const rbac = createRbac(view);
    const authorize = anyOf(rbac.authorize, createNodeAuthorizer(view));
    return {
      interceptors: [createImpersonation(authorize), createAuthorizationInterceptor(authorize)],
      admission: [createEscalationCheck(rbac)],
      endpoints: createReviewEndpoints({ ...rbac, authorize }),
    };
  };
}
