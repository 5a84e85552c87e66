// Runs a Job's pods until enough have succeeded or too many failed.
export { createJobController } from "./controller.ts";
export { createJobTtlController } from "./ttl.ts";
