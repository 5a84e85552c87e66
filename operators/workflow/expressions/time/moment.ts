// Go's time.Time: a moment and the zone it is shown in.
import { Duration } from "./duration.ts";
import { formatTime } from "./layout.ts";
import { utc, type Zone } from "./zone.ts";

export interface DateParts {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** 0 is Sunday. */
  weekday: number;
  yearDay: number;
}

export class Moment {
  /** Milliseconds since 1970, whole. */
  readonly epoch: number;
  /** Nanoseconds beyond them, 0 to 999999. */
  readonly nanos: number;
  readonly zone: Zone;

  constructor(epoch: number, zone: Zone = utc, nanos = 0) {
    this.epoch = Math.floor(epoch);
    this.zone = zone;
    this.nanos = nanos;
  }

  get nanoseconds(): bigint {
    return BigInt(this.epoch) * 1_000_000n + BigInt(this.nanos);
  }
  /** Nanoseconds within the second. */
  get fraction(): number {
    return (((this.epoch % 1000) + 1000) % 1000) * 1_000_000 + this.nanos;
  }
  get seconds(): number {
    return Math.floor(this.epoch / 1000);
  }

  parts(): DateParts {
    const date = new Date(this.epoch + this.zone.at(this.epoch).offset * 1000);
    const year = date.getUTCFullYear();
    const start = new Date(0).setUTCFullYear(year, 0, 1);
    return {
      year,
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      weekday: date.getUTCDay(),
      yearDay: Math.floor((date.getTime() - start) / 86_400_000) + 1,
    };
  }

  in(zone: Zone): Moment {
    return new Moment(this.epoch, zone, this.nanos);
  }
  plus(span: Duration): Moment {
    const sum = this.nanoseconds + span.nanoseconds;
    const nanos = ((sum % 1_000_000n) + 1_000_000n) % 1_000_000n;
    return new Moment(Number((sum - nanos) / 1_000_000n), this.zone, Number(nanos));
  }
  minus(other: Moment): Duration {
    return new Duration(this.nanoseconds - other.nanoseconds);
  }

  format(layout: string): string {
    return formatTime(this, layout);
  }
  /** As RFC 3339. */
  toString(): string {
    return this.format("2006-01-02T15:04:05.999999999Z07:00");
  }
  toJSON(): string {
    return this.toString();
  }
}

/** A moment from its parts in a zone; parts beyond their range carry over. */
export function momentOf(
  parts: Pick<DateParts, "year" | "month" | "day" | "hour" | "minute" | "second">,
  fraction: number,
  zone: Zone,
): Moment {
  const date = new Date(0);
  date.setUTCFullYear(parts.year, parts.month - 1, parts.day);
  date.setUTCHours(parts.hour, parts.minute, parts.second, Math.floor(fraction / 1_000_000));
  const local = date.getTime();
  const guess = local - zone.at(local).offset * 1000;
  return new Moment(local - zone.at(guess).offset * 1000, zone, fraction % 1_000_000);
}
