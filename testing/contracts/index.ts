// Suites that every implementation of a contract passes.
export { type OpenStore, testStore } from "./store.ts";
