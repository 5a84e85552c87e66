// When a CronWorkflow is due.
import { Cron } from "croner";

export interface Due {
  /** The latest time that has come since the last run, epoch milliseconds. */
  at?: number;
  /** The next time to come. */
  next?: number;
}

/** Times that are looked through at most: a run is due every second, and nobody looked for a day. */
const lookBack = 24 * 3600 * 1000;

/**
 * @param since runs up to then are done, epoch milliseconds.
 * @throws Error naming the schedule that cannot be read.
 */
export function findDue(schedules: string[], timezone: string | undefined, since: number, now: number): Due {
  let at: number | undefined;
  let next: number | undefined;
  for (const schedule of schedules) {
    const cron = readSchedule(schedule, timezone);
    let time = cron.nextRun(new Date(Math.max(since, now - lookBack)))?.getTime();
    while (time !== undefined && time <= now) {
      if (at === undefined || time > at) at = time;
      time = cron.nextRun(new Date(time))?.getTime();
    }
    if (time !== undefined && (next === undefined || time < next)) next = time;
  }
  return { ...(at === undefined ? {} : { at }), ...(next === undefined ? {} : { next }) };
}

/** Five fields, or a word such as `@daily`; a leading `CRON_TZ=` or `TZ=` names a time zone. */
function readSchedule(schedule: string, timezone: string | undefined): Cron {
  const zoned = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(schedule.trim());
  const every = /^@every\s/.test(schedule);
  if (every) throw new Error(`schedule ${JSON.stringify(schedule)}: @every is not supported; use the five fields`);
  const zone = zoned?.[1] ?? timezone;
  try {
    return new Cron(zoned?.[2] ?? schedule.trim(), {
      paused: true,
      mode: "5-part",
      ...(zone ? { timezone: zone } : {}),
    });
  } catch (error) {
    throw new Error(`schedule ${JSON.stringify(schedule)}${zone ? ` in ${zone}` : ""}: ${(error as Error).message}`);
  }
}
