export { verb } from "./cron.ts";
