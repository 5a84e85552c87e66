// Runs workflows without a node: pods end at once, as a table says; purely, or on a test cluster.
export { createFakeKubelet, type KubeletEnd } from "./kubelet.ts";
export { createRandom, randomWorkflow } from "./random.ts";
export {
  type Operated,
  type PodEnd,
  readWorkflow,
  type Simulation,
  type SimulationOptions,
  simulate,
} from "./simulation.ts";
