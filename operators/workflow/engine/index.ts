// The workflow engine: pure. `operate` moves a workflow one step, given what is seen of the world.

export { anyText } from "./inputs.ts";
export { createLockTable, heldIn } from "./locks.ts";
export { entryOf } from "./memoize.ts";
export { label, labels, nodeId, podName } from "./names.ts";
export { operate, refuse } from "./operate.ts";
export { hasFailed, isOver, isWorkflowOver } from "./phase.ts";
export { readYaml } from "./pod/yaml.ts";
export {
  createMemory,
  type Effect,
  type LockTable,
  type Memory,
  type Outcome,
  type ResolvedRepository,
  type Settings,
  type World,
} from "./world.ts";
