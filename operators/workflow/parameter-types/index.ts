// Types of parameters: an annotation that says them, and whether values are of them.
export { type ParameterType, readTypes, typesAnnotation } from "./annotation.ts";
export { describeType, mismatchOf } from "./value.ts";
export {
  givenMismatch,
  inputMismatch,
  mismatchIn,
  type SaidTypes,
  specWithTypes,
  templateTypes,
  typesOf,
  workflowTypes,
} from "./workflow.ts";
