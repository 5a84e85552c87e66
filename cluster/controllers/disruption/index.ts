// Says in a PodDisruptionBudget's status how many of its pods may be evicted now.
export { createDisruptionController } from "./controller.ts";
