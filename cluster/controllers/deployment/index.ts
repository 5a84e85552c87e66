// Rolls a Deployment's template out over ReplicaSets.
export { createDeploymentController } from "./controller.ts";
