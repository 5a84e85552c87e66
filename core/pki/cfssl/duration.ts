const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
/** A thousand years: what is beyond is a mistake. */
const longest = 1000 * 365 * 24 * 3_600_000;

/** Milliseconds of a duration as Go writes it, such as `8760h` or `1h30m`. @param field names where it stands */
export function parseDuration(text: string, field: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  const whole = parts.map(([part]) => part).join("");
  if (parts.length === 0 || whole !== text)
    throw new Error(`${field}: "${text.slice(0, 40)}" is no duration, such as 8760h`);
  const total = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ""] ?? 0), 0);
  if (total > longest) throw new Error(`${field}: "${text}" is more than a thousand years`);
  return total;
}
