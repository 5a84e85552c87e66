// Lineage: what is written down of a step that is over.
export { digestOf, locationOf } from "./location.ts";
export { lineageOf, lineageOfWorkflow } from "./node.ts";
export { createLineageWriter, type LineageWriter } from "./writer.ts";
