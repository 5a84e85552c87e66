// Runs a workflow without a cluster: its pods end at once, as a table says.
export { type PodEnd, type Simulation, simulate } from "./simulation.ts";
