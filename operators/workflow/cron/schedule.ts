// When a CronWorkflow is due. A time that a clock change skips does not come, one that it repeats comes twice.
// Source: robfig/cron v3, SpecSchedule.Next and ConstantDelaySchedule; argo-workflows docs/cron-workflows.md, DST.
import { parseDuration } from "../expressions/index.ts";
import { type CronFields, parseCron } from "./fields.ts";
import { type Zone, zoneOf } from "./zone.ts";

export interface Due {
  /** The latest time that has come since the last run, epoch milliseconds. */
  at?: number;
  /** The next time to come. */
  next?: number;
}

export interface Schedule {
  /** The first time after one; undefined when none comes within five years. Epoch milliseconds. */
  after(time: number): number | undefined;
}

const minute = 60_000;
const day = 24 * 3600 * 1000;
const years = 5;

/**
 * Five fields, a word such as `@daily`, or `@every 10m`; a leading `CRON_TZ=` or `TZ=` names a time zone.
 * @throws Error naming the schedule that cannot be read.
 */
export function readSchedule(text: string, timezone?: string): Schedule {
  const zoned = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text.trim());
  const name = zoned?.[1] ?? timezone;
  const line = zoned?.[2] ?? text.trim();
  try {
    const zone = zoneOf(name || "UTC");
    const every = /^@every\s+(.+)$/.exec(line)?.[1];
    if (every) return everySchedule(parseDuration(every));
    const fields = parseCron(line);
    return { after: (time) => nextTime(fields, zone, time) };
  } catch (error) {
    throw new Error(`schedule ${JSON.stringify(text)}${name ? ` in ${name}` : ""}: ${(error as Error).message}`);
  }
}

/** Whole seconds, at least one. */
function everySchedule(delay: number): Schedule {
  const step = Math.max(1000, delay - (delay % 1000));
  return { after: (time) => time - (time % 1000) + step };
}

function nextTime({ minutes, hours, days, months, weekdays, bothDays }: CronFields, zone: Zone, from: number) {
  let time = from - (from % minute) + minute;
  const end = zone.wall(time).year + years;
  for (;;) {
    const wall = zone.wall(time);
    if (wall.year > end) return undefined;
    if (!months.has(wall.month)) {
      time = zone.startOfDay(wall.year, wall.month + 1, 1);
      continue;
    }
    const [isDay, isWeekday] = [days.has(wall.day), weekdays.has(wall.weekday)];
    if (bothDays ? !(isDay && isWeekday) : !(isDay || isWeekday))
      time = zone.startOfDay(wall.year, wall.month, wall.day + 1);
    else if (!hours.has(wall.hour)) time += (60 - wall.minute) * minute;
    else if (!minutes.has(wall.minute)) time += minute;
    else return time;
  }
}

/** The first time after one that any of the schedules names. */
export function nextOf(schedules: Schedule[], time: number): number | undefined {
  const times = schedules.flatMap((schedule) => schedule.after(time) ?? []);
  return times.length > 0 ? Math.min(...times) : undefined;
}

/** @param since runs up to then are done, epoch milliseconds. */
export function findDue(schedules: Schedule[], since: number, now: number): Due {
  const at = latest(schedules, since, now);
  const next = nextOf(schedules, Math.max(now, since));
  return { ...(at === undefined ? {} : { at }), ...(next === undefined ? {} : { next }) };
}

/** Looks back further and further: a run may be due every minute, and nobody looked for a year. */
function latest(schedules: Schedule[], since: number, now: number): number | undefined {
  for (let back = 3_600_000; ; back *= 4) {
    const from = Math.max(since, now - back);
    let last: number | undefined;
    for (let time = nextOf(schedules, from); time !== undefined && time <= now; time = nextOf(schedules, time))
      last = time;
    if (last !== undefined || from <= since || back > years * 366 * day) return last;
  }
}

/** Most times that are counted up at once. */
export const timesLimit = 10_000;

/** All times after one and up to another. @throws RangeError beyond timesLimit. */
export function timesBetween(schedules: Schedule[], start: number, end: number): number[] {
  const times: number[] = [];
  for (let time = nextOf(schedules, start); time !== undefined && time <= end; time = nextOf(schedules, time)) {
    if (times.length >= timesLimit) throw new RangeError(`there are more than ${timesLimit} times in that period`);
    times.push(time);
  }
  return times;
}
