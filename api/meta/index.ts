// What every kind shares: identity, paths, errors, selectors, quantities.
export { matches, type Requirement, requirementsOf, selects } from "./labels.ts";
export { type KubeObject, keyOf, type New, type ObjectRef, parseKey, refOf } from "./object.ts";
export { formatQuantity, isQuantity, parseQuantity } from "./quantity.ts";
export { apiVersionOf, pathOf, type Resource } from "./resource.ts";
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
