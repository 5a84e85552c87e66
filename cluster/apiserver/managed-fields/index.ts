// Who wrote which field: recorded with every write, and what server-side apply merges by.
export { type ApplyRequest, applyFields } from "./apply.ts";
export { type Recorder, recordUpdate } from "./record.ts";
export { checkTyped, goValue } from "./typed-check.ts";
