import { TerminalError } from "@capstan/core/reconcile";

/** Times in milliseconds since 1970. */
export interface Schedule {
  /** The first time after `after`; undefined when there is none. */
  next(after: number): number | undefined;
  /** The last time in (after, until]; undefined when there is none. */
  last(after: number, until: number): number | undefined;
}

const unitMs: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** `@every 1h30m`: at least a second, from the start on. Source: robfig/cron's ConstantDelaySchedule. */
function every(text: string, start: number): Schedule | undefined {
  const match = /^@every ((?:\d+(?:\.\d+)?(?:h|ms|m|s))+)$/.exec(text);
  if (!match) return undefined;
  const parts = [...(match[1] ?? "").matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  const sum = parts.reduce((total, [, count, unit]) => total + Number(count) * (unitMs[unit ?? ""] ?? 0), 0);
  const step = Math.max(1000, Math.floor(sum / 1000) * 1000);
  const next = (after: number) => start + (Math.floor((after - start) / step) + 1) * step;
  const last = (after: number, until: number) => {
    const at = start + Math.floor((until - start) / step) * step;
    return at > after && at > start ? at : undefined;
  };
  return { next, last };
}

/** Reads a CronJob's schedule. Throws a TerminalError for what is not one. The library is loaded when first needed. */
export async function readSchedule(text: string, timeZone: string | undefined, start: number): Promise<Schedule> {
  const constant = every(text, start);
  if (constant) return constant;
  const { Cron } = await import("croner");
  try {
    const options = { paused: true, mode: "5-part", timezone: timeZone ?? "UTC" } as const;
    const cron = new Cron(text, options);
    cron.nextRun();
    return {
      next: (after) => cron.nextRun(new Date(after))?.getTime(),
      last: (after, until) => {
        const [found] = cron.previousRuns(1, new Date(until + 1000));
        return found && found.getTime() > after && found.getTime() <= until ? found.getTime() : undefined;
      },
    };
  } catch (error) {
    throw new TerminalError(`unparseable schedule "${text}": ${(error as Error).message}`, { cause: error });
  }
}
