// Workflows at set times.
export { fromCron } from "./child.ts";
export { type CronOptions, createCronWorkflowController } from "./controller.ts";
export { findDue, nextOf, readSchedule, type Schedule, timesBetween, timesLimit } from "./schedule.ts";
