/** A duration as kubectl shows ages: two units while they matter. Source: apimachinery's duration.HumanDuration. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return two(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return two(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return days < 2920 ? two(years, "y", days % 365, "d") : `${years}y`;
}

const two = (large: number, unit: string, small: number, below: string) =>
  small === 0 ? `${large}${unit}` : `${large}${unit}${small}${below}`;

/** Time since an RFC 3339 time, or `<unknown>`. */
export function since(time: string | undefined | null): string {
  return time ? humanDuration(Date.now() - Date.parse(time)) : "<unknown>";
}
