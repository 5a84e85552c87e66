// Says what is wrong in a workflow before anything of it runs. Pure: clients use it before they submit.
export type { GetTemplates } from "./references.ts";
export { checkShape, type Problem } from "./shape.ts";
export { resolvedTemplates, type ValidateOptions, validateWorkflow } from "./workflow.ts";
