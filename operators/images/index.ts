// Where a cluster's images come from, and which it takes: ImagePolicies, enforced by admission webhooks.
export { createImagePolicyOperator, type ImagePolicyOptions } from "./operator.ts";
export { compilePolicy } from "./policy.ts";
