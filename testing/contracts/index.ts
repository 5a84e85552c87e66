// Suites that every implementation of a contract passes.

export { type MakeDatabase, testRecords } from "./records.ts";
export { type RuntimeDriver, testRuntime } from "./runtime/index.ts";
export { type OpenStore, testStore } from "./store.ts";
