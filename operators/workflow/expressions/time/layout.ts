// Go's reference-time layouts: `2006-01-02T15:04:05Z07:00`, and how they are written.
import type { DateParts, Moment } from "./moment.ts";

export const monthNames = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
export const dayNames = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
export const shortNames = (names: string[]) => names.map((name) => name.slice(0, 3));

/** The pieces of a layout; longer ones stand before those that they begin with. */
const piece =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|0[1-6]|002|15|2006|_2006|__2|_2|PM|pm|[-Z]07:00:00|[-Z]070000|[-Z]07:00|[-Z]0700|[-Z]07|[.,](?:0+|9+)(?!\d)|[1-5]/g;

interface Piece {
  /** Text before it. */
  before: string;
  name: string;
}

const layouts = new Map<string, { pieces: Piece[]; rest: string }>();

export function readLayout(layout: string): { pieces: Piece[]; rest: string } {
  const known = layouts.get(layout);
  if (known) return known;
  const pieces: Piece[] = [];
  let done = 0;
  for (const match of layout.matchAll(piece)) {
    const underscore = match[0] === "_2006" ? "_" : "";
    pieces.push({ before: layout.slice(done, match.index) + underscore, name: match[0].slice(underscore.length) });
    done = match.index + match[0].length;
  }
  const read = { pieces, rest: layout.slice(done) };
  if (layouts.size > 200) layouts.clear();
  layouts.set(layout, read);
  return read;
}

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

export function formatTime(moment: Moment, layout: string): string {
  const parts = moment.parts();
  const { pieces, rest } = readLayout(layout);
  return pieces.map(({ before, name }) => before + formatPiece(name, moment, parts)).join("") + rest;
}

function formatPiece(name: string, moment: Moment, parts: DateParts): string {
  const { year, month, day, hour, minute, second, weekday, yearDay } = parts;
  if (name[0] === "." || name[0] === ",") {
    const digits = pad(moment.fraction, 9).slice(0, name.length - 1);
    const shown = name[1] === "9" ? digits.replace(/0+$/, "") : digits;
    return shown === "" ? "" : name[0] + shown;
  }
  if (/^[-Z]07/.test(name)) return formatOffset(name, moment.zone.at(moment.epoch).offset);
  const values: Record<string, () => string> = {
    January: () => monthNames[month - 1] as string,
    Jan: () => shortNames(monthNames)[month - 1] as string,
    Monday: () => dayNames[weekday] as string,
    Mon: () => shortNames(dayNames)[weekday] as string,
    MST: () => {
      const zone = moment.zone.at(moment.epoch);
      return zone.name || formatOffset(zone.offset % 3600 === 0 ? "-07" : "-0700", zone.offset);
    },
    "01": () => pad(month),
    "1": () => String(month),
    "02": () => pad(day),
    "2": () => String(day),
    _2: () => String(day).padStart(2),
    "002": () => pad(yearDay, 3),
    __2: () => String(yearDay).padStart(3),
    "15": () => pad(hour),
    "03": () => pad(hour % 12 || 12),
    "3": () => String(hour % 12 || 12),
    "04": () => pad(minute),
    "4": () => String(minute),
    "05": () => pad(second),
    "5": () => String(second),
    "06": () => pad(((year % 100) + 100) % 100),
    "2006": () => (year < 0 ? `-${pad(-year, 4)}` : pad(year, 4)),
    PM: () => (hour < 12 ? "AM" : "PM"),
    pm: () => (hour < 12 ? "am" : "pm"),
  };
  return values[name]?.() ?? name;
}

function formatOffset(name: string, offset: number): string {
  if (name[0] === "Z" && offset === 0) return "Z";
  const size = Math.abs(offset);
  const colon = name.includes(":") ? ":" : "";
  let text = (offset < 0 ? "-" : "+") + pad(Math.floor(size / 3600));
  if (/0700|07:00/.test(name)) text += colon + pad(Math.floor((size % 3600) / 60));
  if (/070000|07:00:00/.test(name)) text += colon + pad(size % 60);
  return text;
}
