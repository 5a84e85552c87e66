// Time zones: UTC, those of the IANA database, and fixed offsets that a text gave.

export interface Zone {
  /** As Go's time.Location prints. */
  name: string;
  /** Seconds east of UTC and the abbreviation at a moment (milliseconds since 1970). */
  at(epoch: number): { offset: number; name: string };
}

export const utc: Zone = { name: "UTC", at: () => ({ offset: 0, name: "UTC" }) };

/** An empty name prints as its offset does. */
export function fixedZone(name: string, offset: number): Zone {
  return { name, at: () => ({ offset, name }) };
}

const zones = new Map<string, Zone | undefined>();

/** A zone by its IANA name; `UTC`, `Local` and nothing are UTC. */
export function findZone(name: string): Zone | undefined {
  if (name === "" || name === "UTC" || name === "Local") return utc;
  if (!zones.has(name)) zones.set(name, openZone(name));
  return zones.get(name);
}

function openZone(name: string): Zone | undefined {
  // Names are those of files, so the case must be right; offsets are not names.
  if (!/^[A-Z][\w+/-]*$/.test(name)) return undefined;
  let full: Intl.DateTimeFormat;
  let short: Intl.DateTimeFormat;
  try {
    full = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
    short = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "short" });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const partOf = (format: Intl.DateTimeFormat, epoch: number) =>
    format.formatToParts(epoch).find(({ type }) => type === "timeZoneName")?.value ?? "";
  return {
    name,
    at(epoch) {
      const match = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(partOf(full, epoch));
      const [, sign, hours = "0", minutes = "0", seconds = "0"] = match ?? [];
      const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
      const offset = sign === "-" ? -size : size;
      const said = partOf(short, epoch);
      return {
        offset,
        name: /^[A-Z]{3,5}$/.test(said) ? (abbreviations[name]?.[offset] ?? said) : abbreviate(name, offset),
      };
    },
  };
}

/** Abbreviations of the database, which the runtime knows for America alone. */
const european: Record<number, string> = { 3600: "CET", 7200: "CEST" };
const abbreviations: Record<string, Record<number, string>> = {
  "Asia/Tokyo": { 32400: "JST" },
  "Asia/Seoul": { 32400: "KST" },
  "Asia/Shanghai": { 28800: "CST" },
  "Asia/Hong_Kong": { 28800: "HKT" },
  "Asia/Kolkata": { 19800: "IST" },
  "Europe/London": { 0: "GMT", 3600: "BST" },
  "Europe/Lisbon": { 0: "WET", 3600: "WEST" },
  "Europe/Moscow": { 10800: "MSK" },
  "Australia/Sydney": { 36000: "AEST", 39600: "AEDT" },
  "Europe/Athens": { 7200: "EET", 10800: "EEST" },
  "Europe/Helsinki": { 7200: "EET", 10800: "EEST" },
  "Europe/Kiev": { 7200: "EET", 10800: "EEST" },
  "Europe/Kyiv": { 7200: "EET", 10800: "EEST" },
};

function abbreviate(name: string, offset: number): string {
  const known = abbreviations[name]?.[offset] ?? (name.startsWith("Europe/") ? european[offset] : undefined);
  if (known) return known;
  const size = Math.abs(offset);
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor((size % 3600) / 60);
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(size / 3600))}${minutes ? two(minutes) : ""}`;
}
