/** A span of time; prints and measures as Go's time.Duration. */
export class Duration {
  readonly nanoseconds: bigint;
  constructor(nanoseconds: bigint) {
    this.nanoseconds = BigInt.asIntN(64, nanoseconds);
  }
  get milliseconds(): number {
    return Number(this.nanoseconds) / 1e6;
  }
  toString(): string {
    return formatNanoseconds(this.nanoseconds);
  }
  toJSON(): number {
    return Number(this.nanoseconds);
  }
}

const units: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 };

/** A text that Go's time.ParseDuration reads, as nanoseconds; undefined for any other. */
export function readDuration(text: string): bigint | undefined {
  if (/^[-+]?0$/.test(text)) return 0n;
  const match = /^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (!match) return undefined;
  let sum = 0n;
  for (const [, whole = "", part = "", unit = ""] of (match[2] ?? "").matchAll(
    /(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g,
  )) {
    const size = BigInt(units[unit] as number);
    sum += BigInt(whole || "0") * size;
    if (part) sum += (BigInt(part) * size) / 10n ** BigInt(part.length);
  }
  if (sum >= 1n << 63n) return undefined;
  return match[1] === "-" ? -sum : sum;
}

/** Milliseconds of a Go duration (`1h30m`); a bare number is seconds, `d` is days, as Argo reads them. RangeError otherwise. */
export function parseDuration(text: string | number): number {
  const trimmed = String(text).trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  const days = /^(\d+)d$/.exec(trimmed);
  if (days) return Number(days[1]) * 24 * 3_600_000;
  const read = readDuration(trimmed);
  if (read === undefined) throw new RangeError(`"${trimmed}" is not a duration such as 30s, 5m or 1h30m`);
  return Number(read) / 1e6;
}

function formatNanoseconds(value: bigint): string {
  if (value === 0n) return "0s";
  const sign = value < 0n ? "-" : "";
  const left = value < 0n ? -value : value;
  if (left < 1000n) return `${sign}${left}ns`;
  if (left < 1_000_000n) return `${sign}${fraction(left, 1000n)}µs`;
  if (left < 1_000_000_000n) return `${sign}${fraction(left, 1_000_000n)}ms`;
  const hours = left / 3_600_000_000_000n;
  const minutes = (left / 60_000_000_000n) % 60n;
  const seconds = `${fraction(left % 60_000_000_000n, 1_000_000_000n)}s`;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

function fraction(value: bigint, unit: bigint): string {
  const part = String(value % unit)
    .padStart(String(unit).length - 1, "0")
    .replace(/0+$/, "");
  return part ? `${value / unit}.${part}` : String(value / unit);
}
