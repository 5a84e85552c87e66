// Go's times: moments with zones, durations, layouts.
export { Duration, parseDuration, readDuration } from "./duration.ts";
export { dayNames, monthNames } from "./layout.ts";
export { Moment, momentOf } from "./moment.ts";
export { parseTime } from "./parse.ts";
export { findZone, utc, type Zone } from "./zone.ts";
