// Times as people read them, in the words of the argo command line. Source: argo-workflows util/humanize.

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export const timeOf = (time: string | null | undefined): number | undefined => (time ? Date.parse(time) : undefined);

/** Milliseconds between two times; what has not ended goes on until now, what has not begun is 0. */
export function elapsed(start: string | null | undefined, end: string | null | undefined, now: number): number {
  const from = timeOf(start);
  if (from === undefined) return 0;
  return Math.abs((timeOf(end) ?? now) - from);
}

/** One unit: `0s`, `59s`, `5m`, `3h`, `12d`. */
export function shortDuration(milliseconds: number): string {
  if (milliseconds < minute) return `${Math.floor(milliseconds / second)}s`;
  if (milliseconds < hour) return `${Math.floor(milliseconds / minute)}m`;
  if (milliseconds < day) return `${Math.floor(milliseconds / hour)}h`;
  return `${Math.floor(milliseconds / day)}d`;
}

const count = (amount: number, unit: string) => `${amount} ${unit}${amount === 1 ? "" : "s"}`;
/** A first unit of several: 0 is plural, and 1 singular. */
const units: [number, string][] = [
  [365 * day, "year"],
  [30 * day, "month"],
  [7 * day, "week"],
  [day, "day"],
  [hour, "hour"],
  [minute, "minute"],
];

function largest(milliseconds: number): string {
  for (const [length, unit] of units) if (milliseconds >= length) return count(Math.floor(milliseconds / length), unit);
  return count(Math.floor(milliseconds / second), "second");
}

/** Up to two units: `12 seconds`, `1 minute 30 seconds`, `2 hours 0 minutes`. The second one is never singular. */
export function longDuration(milliseconds: number): string {
  const first = largest(milliseconds);
  if (milliseconds < minute) return first;
  if (milliseconds < hour) return `${first} ${Math.floor((milliseconds % minute) / second)} seconds`;
  if (milliseconds < day) return `${first} ${Math.floor((milliseconds % hour) / minute)} minutes`;
  return `${first} ${Math.floor((milliseconds % day) / hour)} hours`;
}

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number) => String(value).padStart(2, "0");

/** `Mon Jan 02 15:04:05 +0000 (3 minutes ago)`, in the time zone of this process. */
export function timestamp(time: number, now: number): string {
  const at = new Date(time);
  const zone = -at.getTimezoneOffset();
  const offset = `${zone < 0 ? "-" : "+"}${two(Math.floor(Math.abs(zone) / 60))}${two(Math.abs(zone) % 60)}`;
  const date = `${days[at.getDay()]} ${months[at.getMonth()]} ${two(at.getDate())}`;
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const distance = Math.abs(now - time);
  const relative = distance < second ? "now" : `${largest(distance)} ${time > now ? "from now" : "ago"}`;
  return `${date} ${clock} ${offset} (${relative})`;
}
