// What holds workflows and pods back for the sake of others.
export { Gate } from "./gate.ts";
export { createLimits } from "./keeper.ts";
export { Throttle } from "./throttle.ts";
