// Components without a cluster: one at a time, or all of a workflow's.
export { type Bench, createBench, type StepResult } from "./bench.ts";
export { type GraphRun, readTemplate, runGraph } from "./run-graph.ts";
