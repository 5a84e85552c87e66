// Keeps as many pods as a ReplicaSet, or a ReplicationController, wants.
export { createReplicaSetController, createReplicationController } from "./controller.ts";
