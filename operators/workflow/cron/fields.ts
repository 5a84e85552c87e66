// The five fields of a cron line. Source: robfig/cron v3, ParseStandard, which Argo's schedules are read by.

export interface CronFields {
  minutes: Set<number>;
  hours: Set<number>;
  /** Of the month, from 1. */
  days: Set<number>;
  /** From 1. */
  months: Set<number>;
  /** From 0, Sunday. */
  weekdays: Set<number>;
  /** With a star in either of the two day fields, both have to match; else one is enough. */
  bothDays: boolean;
}

interface Bounds {
  name: string;
  least: number;
  most: number;
  words?: string[];
}
const bounds: Bounds[] = [
  { name: "minute", least: 0, most: 59 },
  { name: "hour", least: 0, most: 23 },
  { name: "day of month", least: 1, most: 31 },
  { name: "month", least: 1, most: 12, words: "jan feb mar apr may jun jul aug sep oct nov dec".split(" ") },
  { name: "day of week", least: 0, most: 6, words: "sun mon tue wed thu fri sat".split(" ") },
];
const shorthands: Record<string, string> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** @throws Error naming the field that cannot be read. */
export function parseCron(line: string): CronFields {
  const text = shorthands[line] ?? line;
  if (text.startsWith("@")) throw new Error(`there is no ${text}`);
  const parts = text.split(/\s+/).filter((part) => part !== "");
  if (parts.length !== 5) throw new Error(`it has ${parts.length} fields, not 5`);
  const [minutes, hours, days, months, weekdays] = bounds.map((bound, i) => parseField(parts[i] ?? "", bound)) as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  return { minutes, hours, days, months, weekdays, bothDays: [parts[2], parts[4]].some((part) => hasStar(part ?? "")) };
}

const hasStar = (field: string) => field.split(",").some((item) => /^[*?](\/1)?$/.test(item));

function parseField(field: string, bound: Bounds): Set<number> {
  return new Set(field.split(",").flatMap((item) => parseItem(item, bound)));
}

function parseItem(item: string, bound: Bounds): number[] {
  const { name, least, most } = bound;
  const match = /^(\*|\?|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(\d+))?$/i.exec(item);
  if (!match) throw new Error(`${name}: "${item}" cannot be read`);
  const [, from = "", to, every] = match;
  const isStar = from === "*" || from === "?";
  if (isStar && to !== undefined) throw new Error(`${name}: "${item}" cannot be read`);
  const start = isStar ? least : valueOfWord(from, bound);
  // N/M goes on to the end, as N-/M would.
  const end = to !== undefined ? valueOfWord(to, bound) : isStar || every !== undefined ? most : start;
  const step = every === undefined ? 1 : Number(every);
  if (start < least || end > most) throw new Error(`${name}: "${item}" is not within ${least}-${most}`);
  if (start > end) throw new Error(`${name}: "${item}" ends before it begins`);
  if (step === 0) throw new Error(`${name}: "${item}" has a step of 0`);
  const values: number[] = [];
  for (let value = start; value <= end; value += step) values.push(value);
  return values;
}

function valueOfWord(text: string, { name, words, least }: Bounds): number {
  const word = words?.indexOf(text.toLowerCase()) ?? -1;
  if (word >= 0) return word + least;
  if (!/^\d+$/.test(text)) throw new Error(`${name}: "${text}" is no number`);
  return Number(text);
}
