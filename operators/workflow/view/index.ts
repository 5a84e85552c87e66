// Workflows for people: tables, trees, details, logs.
export { alignColumns } from "./columns.ts";
export { describeWorkflow, detailLine, statusText } from "./details.ts";
export { elapsed, longDuration, shortDuration, timestamp } from "./durations.ts";
export { inListOrder, listRows } from "./list.ts";
export { type LogLine, type LogOptions, logsOf } from "./logs.ts";
export { renderTree, type TreeOptions } from "./tree.ts";
export { watchWorkflow } from "./watch.ts";
