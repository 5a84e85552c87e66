// Waiting, queueing and stopping: everything here ends when its AbortSignal does.
export { type BackoffOptions, backoff } from "./backoff.ts";
export { createQueue, type Queue, QueueOverflow } from "./queue.ts";
export { aborted, type Deferred, deferred, sleep } from "./wait.ts";
