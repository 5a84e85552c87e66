// Says what is wrong in a workflow before anything of it runs. Pure: clients use it before they submit.
export type { GetTemplates } from "./references.ts";
export type { Problem } from "./shape.ts";
export { resolvedTemplates, validateWorkflow } from "./workflow.ts";
