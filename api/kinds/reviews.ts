// Questions to the API server that are asked by creating them: who a token stands for, and what somebody may do.
import type { TokenReview } from "../generated/authentication-v1.ts";
import type { SubjectAccessReview } from "../generated/authorization-v1.ts";
import type { Resource } from "../meta/index.ts";

export const TokenReviews: Resource<TokenReview> = {
  group: "authentication.k8s.io",
  version: "v1",
  resource: "tokenreviews",
  kind: "TokenReview",
  namespaced: false,
};
export const SubjectAccessReviews: Resource<SubjectAccessReview> = {
  group: "authorization.k8s.io",
  version: "v1",
  resource: "subjectaccessreviews",
  kind: "SubjectAccessReview",
  namespaced: false,
};
