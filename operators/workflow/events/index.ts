// Events that start workflows.
export { createEventHandler, type EventHandlerOptions, eventsPath } from "./handler.ts";
