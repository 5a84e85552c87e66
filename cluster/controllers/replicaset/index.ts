// Keeps as many pods as a ReplicaSet wants.
export { createReplicaSetController } from "./controller.ts";
