// Deletes what its owners leave behind.
export { createGarbageCollector } from "./collector.ts";
