// Schemas of the kinds, built in or custom, and what needs them: strategic merge patches.
export { emptyOf, normalize, TypeMismatch } from "./normalize.ts";
export {
  type AnySchema,
  builtinSchema,
  builtinTypes,
  type ListSchema,
  type MapSchema,
  type ScalarSchema,
  type ScalarType,
  type Schema,
  type StructSchema,
  typeOfKind,
} from "./schema.ts";
export { applyStrategicMerge } from "./strategic-merge.ts";
