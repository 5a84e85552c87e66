// Random workflows that leave traces, and runs of them that are disturbed by kills (run.ts).
export { differences } from "./compare.ts";
export { type Performed, type PerformOptions, perform } from "./perform.ts";
export { type ChaosWorkflow, chaosWorkflows } from "./workflows.ts";
