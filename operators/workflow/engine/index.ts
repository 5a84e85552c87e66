// The workflow engine: pure. `operate` moves a workflow one step, given what is seen of the world.

export { collectable, type Kept, strategyOf } from "./artifact-gc.ts";
export { anyText } from "./inputs.ts";
export { createLockTable, inOrder } from "./lock-table.ts";
export { heldIn } from "./locks.ts";
export { cacheLabel, entryOf } from "./memoize.ts";
export { fnv1a32, label, labels, nodeId, podName } from "./names.ts";
export { operate, postpone, refuse } from "./operate.ts";
export { hasFailed, isOver, isWorkflowOver } from "./phase.ts";
export { relocate } from "./pod/location.ts";
export { patchSpec } from "./pod/placement.ts";
export { directoryVolumes, secretVolumes } from "./pod/volumes.ts";
export { readYaml } from "./pod/yaml.ts";
export {
  createMemory,
  type Effect,
  type LockOrder,
  type LockRequest,
  type LockTable,
  type LockWait,
  type Memory,
  type Outcome,
  type ResolvedRepository,
  type Settings,
  type SharedLocks,
  type World,
} from "./world.ts";
