// What can be known of a workflow of components before it runs.
export { schemaOfCsv } from "./csv-schema.ts";
export { createGraphCheck, type GraphCheckOptions } from "./graph-check.ts";
