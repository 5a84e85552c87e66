// Places pods on nodes.
export { matchesNode } from "./node-affinity.ts";
export { type GroupRef, gangKeys, groupKey, groupOf } from "./pod-groups.ts";
export { type Amounts, podRequests } from "./requests.ts";
export { createScheduler, type Scheduler, type SchedulerOptions } from "./scheduler.ts";
export { tolerates, untolerated } from "./tolerations.ts";
