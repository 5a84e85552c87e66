// What every kind shares: identity, paths, errors, selectors, quantities, patches.

export { formatImageName, type ImageName, ImageNameError, parseImageName } from "./image-name.ts";
export { goJsonError } from "./json-error.ts";
export { applyJsonPatch, equal, type JsonPatchOperation } from "./json-patch.ts";
export { parseLabelSelector } from "./label-parser.ts";
export { matches, type Requirement, requirementsOf, selects } from "./labels.ts";
export { applyMergePatch } from "./merge-patch.ts";
export {
  isLabelValue,
  isQualifiedName,
  labelValueProblems,
  qualifiedNameProblems,
  subdomainProblems,
} from "./names.ts";
export { type KubeObject, keyOf, type New, type ObjectRef, parseKey, refOf } from "./object.ts";
export { canonicalQuantity, formatQuantity, isQuantity, parseQuantity } from "./quantity.ts";
export { release } from "./release.ts";
export { apiVersionOf, pathOf, type Resource } from "./resource.ts";
export { type FieldRequirement, parseFieldSelector, type Selector, selectsObject } from "./selector.ts";
export {
  alreadyExists,
  invalid,
  isReason,
  notFound,
  type Reason,
  reasons,
  type Status,
  StatusError,
} from "./status.ts";
