// Removes pods that nobody else will.
export { createPodGarbageCollector } from "./controller.ts";
