// Workflows (argoproj.io): Argo's manifests, run by watching, without waiting.
export {
  createLockTable,
  createMemory,
  type Effect,
  type Memory,
  type Outcome,
  operate,
  type World,
} from "./engine/index.ts";
