import type { TokenReview, UserInfo } from "@capstan/api/generated/authentication-v1";
import { StatusError } from "@capstan/api/meta";
import type { Principal } from "@capstan/base/http";
import type { Endpoint } from "../request.ts";
import type { AuthenticatorOptions } from "./interceptor.ts";

const group = "authentication.k8s.io";
const apiVersion = `${group}/v1`;

/** TokenReview (whose token is this?) and SelfSubjectReview (who am I?). */
export function createReviewEndpoints({ check, audiences }: AuthenticatorOptions): Endpoint[] {
  const tokenReview: Endpoint = {
    group,
    version: "v1",
    resource: "tokenreviews",
    subresource: "",
    create: async ({ object }) => {
      const review = object as TokenReview | undefined;
      const token = review?.spec?.token ?? "";
      if (token === "") throw new StatusError("BadRequest", "token is required for TokenReview in authentication");
      const asked = review?.spec.audiences?.length ? review.spec.audiences : audiences;
      // The token is not sent back: the caller has it, and answers are easier to come by than requests.
      const { token: _, ...spec } = review?.spec ?? {};
      const answer = { kind: "TokenReview", apiVersion, metadata: review?.metadata ?? {}, spec };
      const result = check(token);
      if ("refused" in result) return { ...answer, status: { user: {}, error: result.refused } };
      const common = asked.filter((name) => result.audiences.includes(name));
      if (common.length === 0) {
        const list = (names: readonly string[]) => `[${names.map((name) => JSON.stringify(name)).join(" ")}]`;
        const error = `[invalid bearer token, token audiences ${list(result.audiences)} is invalid for the target audiences ${list(asked)}]`;
        return { ...answer, status: { user: {}, error } };
      }
      return { ...answer, status: { authenticated: true, user: userInfoOf(result.principal), audiences: common } };
    },
  };
  const selfSubjectReview: Endpoint = {
    group,
    version: "v1",
    resource: "selfsubjectreviews",
    subresource: "",
    create: async ({ principal }) => ({
      kind: "SelfSubjectReview",
      apiVersion,
      metadata: { creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, "Z") },
      status: { userInfo: userInfoOf(principal) },
    }),
  };
  return [tokenReview, selfSubjectReview];
}

/** A caller as the API shows it. */
export function userInfoOf({ name, uid, groups, extra }: Principal): UserInfo {
  const info: UserInfo = { username: name };
  if (uid) info.uid = uid;
  if (groups.length > 0) info.groups = groups;
  if (extra && Object.keys(extra).length > 0) info.extra = extra;
  return info;
}
