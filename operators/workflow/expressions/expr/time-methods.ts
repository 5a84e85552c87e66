// Methods of times, durations and zones, as Go has them.
import { ExpressionError } from "../error.ts";
import { Duration, Moment, momentOf, utc, type Zone } from "../time/index.ts";
import { typeName } from "../values.ts";

type Method<T> = (self: T, ...values: unknown[]) => unknown;

const asMoment = (value: unknown) => (value instanceof Moment ? value : wrongArgument(value, "time.Time"));
const asDuration = (value: unknown) => (value instanceof Duration ? value : wrongArgument(value, "time.Duration"));
const asInt = (value: unknown) => (typeof value === "bigint" ? value : wrongArgument(value, "int"));
function wrongArgument(value: unknown, wanted: string): never {
  throw new ExpressionError(`cannot use ${typeName(value)} as argument (type ${wanted})`);
}
const part = (name: keyof ReturnType<Moment["parts"]>) => (self: Moment) => BigInt(self.parts()[name]);

/** Towards zero, or to the nearest, halves away from zero. */
function stepped(value: bigint, step: bigint, nearest: boolean): bigint {
  if (step <= 0n) return value;
  const rest = value % step;
  if (!nearest) return value - rest;
  const size = rest < 0n ? -rest : rest;
  return value - rest + (size * 2n >= step ? (value < 0n ? -step : step) : 0n);
}
/** Go counts a time's steps from the year 1. */
const firstYear = 62_135_596_800_000_000_000n;
const steppedMoment = (self: Moment, span: unknown, nearest: boolean) => {
  const since = self.nanoseconds + firstYear;
  return self.plus(new Duration(stepped(since, asDuration(span).nanoseconds, nearest) - since));
};

const ofMoment: Record<string, Method<Moment>> = {
  Year: part("year"),
  Month: part("month"),
  Day: part("day"),
  Hour: part("hour"),
  Minute: part("minute"),
  Second: part("second"),
  YearDay: part("yearDay"),
  Weekday: part("weekday"),
  Nanosecond: (self) => BigInt(self.fraction),
  Unix: (self) => BigInt(self.seconds),
  UnixMilli: (self) => BigInt(self.epoch),
  UnixMicro: (self) => BigInt(self.epoch) * 1000n + BigInt(Math.floor(self.nanos / 1000)),
  UnixNano: (self) => self.nanoseconds,
  String: (self) => self.format("2006-01-02 15:04:05.999999999 -0700 MST"),
  Format: (self, layout) => (typeof layout === "string" ? self.format(layout) : wrongArgument(layout, "string")),
  After: (self, other) => self.nanoseconds > asMoment(other).nanoseconds,
  Before: (self, other) => self.nanoseconds < asMoment(other).nanoseconds,
  Equal: (self, other) => self.nanoseconds === asMoment(other).nanoseconds,
  Compare: (self, other) => {
    const span = self.minus(asMoment(other)).nanoseconds;
    return span < 0n ? -1n : span > 0n ? 1n : 0n;
  },
  Sub: (self, other) => self.minus(asMoment(other)),
  Add: (self, span) => self.plus(asDuration(span)),
  AddDate: (self, years, months, days) => {
    const { year, month, day, ...rest } = self.parts();
    const moved = {
      ...rest,
      year: year + Number(asInt(years)),
      month: month + Number(asInt(months)),
      day: day + Number(asInt(days)),
    };
    return momentOf(moved, self.fraction, self.zone);
  },
  Round: (self, span) => steppedMoment(self, span, true),
  Truncate: (self, span) => steppedMoment(self, span, false),
  UTC: (self) => self.in(utc),
  Local: (self) => self.in(utc),
  In: (self, zone) => self.in(zone as Zone),
  Location: (self) => self.zone,
  IsZero: (self) => self.nanoseconds === -firstYear,
};

const ofDuration: Record<string, Method<Duration>> = {
  Hours: (self) => Number(self.nanoseconds) / 3.6e12,
  Minutes: (self) => Number(self.nanoseconds) / 6e10,
  Seconds: (self) => Number(self.nanoseconds) / 1e9,
  Milliseconds: (self) => self.nanoseconds / 1_000_000n,
  Microseconds: (self) => self.nanoseconds / 1000n,
  Nanoseconds: (self) => self.nanoseconds,
  String: (self) => self.toString(),
  Abs: (self) => new Duration(self.nanoseconds < 0n ? -self.nanoseconds : self.nanoseconds),
  Round: (self, span) => new Duration(stepped(self.nanoseconds, asDuration(span).nanoseconds, true)),
  Truncate: (self, span) => new Duration(stepped(self.nanoseconds, asDuration(span).nanoseconds, false)),
};

export function callTimeMethod(self: object, name: string, values: unknown[]): unknown {
  if (self instanceof Moment && Object.hasOwn(ofMoment, name)) return ofMoment[name]?.(self, ...values);
  if (self instanceof Duration && Object.hasOwn(ofDuration, name)) return ofDuration[name]?.(self, ...values);
  if (name === "String" && "at" in self) return (self as Zone).name;
  throw new ExpressionError(`type ${typeName(self)} has no method ${name}`);
}
