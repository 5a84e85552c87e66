// Wall clocks of time zones, by the machine's own time zone data.

export interface WallTime {
  year: number;
  /** From 1. */
  month: number;
  day: number;
  /** From 0, Sunday. */
  weekday: number;
  hour: number;
  minute: number;
}

export interface Zone {
  wall(time: number): WallTime;
  /** The first instant of a day; days beyond the month's end are those of the next. Epoch milliseconds. */
  startOfDay(year: number, month: number, day: number): number;
}

const zones = new Map<string, Zone>();
const minute = 60_000;

/** @param name such as Asia/Shanghai; default UTC. @throws RangeError for a zone that is not there. */
export function zoneOf(name = "UTC"): Zone {
  const known = zones.get(name);
  if (known) return known;
  const zone = createZone(name);
  zones.set(name, zone);
  return zone;
}

function createZone(timeZone: string): Zone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  const isUtc = /^(UTC|Etc\/UTC|GMT|Etc\/GMT)$/i.test(timeZone);
  /** The wall clock's reading, as if it were UTC. */
  const reading = (time: number): number => {
    if (isUtc) return time;
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(time)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute: minutes = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minutes);
  };
  return {
    wall(time) {
      const at = new Date(reading(time));
      return {
        year: at.getUTCFullYear(),
        month: at.getUTCMonth() + 1,
        day: at.getUTCDate(),
        weekday: at.getUTCDay(),
        hour: at.getUTCHours(),
        minute: at.getUTCMinutes(),
      };
    },
    startOfDay(year, month, day) {
      const wanted = Date.UTC(year, month - 1, day);
      // No zone is further than a day from UTC, and none changes twice in that time.
      let time = wanted - (reading(wanted) - wanted);
      time -= reading(time) - wanted;
      // A clock that skips midnight reads later: the day then starts with what it reads.
      while (reading(time) < wanted) time += minute;
      while (reading(time - minute) >= wanted) time -= minute;
      return time;
    },
  };
}
