// Notices nodes that fall silent, and moves their pods.
export { createTaintEviction } from "./eviction.ts";
export { createNodeLifecycleController } from "./lifecycle.ts";
