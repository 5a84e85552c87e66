// Keeps one pod on each node that a DaemonSet is for.
export { createDaemonSetController } from "./controller.ts";
