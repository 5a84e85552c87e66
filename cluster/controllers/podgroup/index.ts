// Pods that start together: how far each group is.
export { createPodGroupControllers } from "./controller.ts";
