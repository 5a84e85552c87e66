// Runs one component in this process.
export { type RunOptions, runComponent } from "./run.ts";
