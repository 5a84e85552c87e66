// Models and their serving: a registry fed by workflows, and InferenceServices as Deployments behind the gateway.
export { createServingOperator } from "./operator.ts";
export type { ArtifactDirectories, ServingOptions } from "./options.ts";
