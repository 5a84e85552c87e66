// Events are news: they go after an hour.
export { createEventExpiry } from "./expiry.ts";
