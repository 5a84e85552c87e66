// What kube-controller-manager does: each controller makes the cluster match one kind of object.
export type { ControllerContext } from "./context.ts";
export { type ControllerPart, type ControllersOptions, createControllers } from "./create.ts";
export { createPodGroupControllers } from "./podgroup/index.ts";
