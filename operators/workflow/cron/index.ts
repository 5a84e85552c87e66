// Workflows at set times.
export { type CronOptions, createCronWorkflowController } from "./controller.ts";
