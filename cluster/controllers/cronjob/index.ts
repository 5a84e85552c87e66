// Starts Jobs by the clock.
export { createCronJobController } from "./controller.ts";
