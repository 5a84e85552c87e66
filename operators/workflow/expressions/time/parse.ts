// Reads texts by Go's reference-time layouts.
import { dayNames, monthNames, readLayout, shortNames } from "./layout.ts";
import { type DateParts, type Moment, momentOf } from "./moment.ts";
import { fixedZone, utc, type Zone } from "./zone.ts";

interface Reading extends DateParts {
  fraction: number;
  afternoon: boolean | undefined;
  zone: Zone | undefined;
}

/** Reads a text by a layout; undefined when it does not fit. What names no zone is in `zone`. */
export function parseTime(layout: string, text: string, zone: Zone = utc): Moment | undefined {
  const reading: Reading = {
    year: 0,
    month: 0,
    day: 0,
    hour: 0,
    minute: 0,
    second: 0,
    weekday: 0,
    yearDay: 0,
    fraction: 0,
    afternoon: undefined,
    zone: undefined,
  };
  const { pieces, rest } = readLayout(layout);
  let left: string | undefined = text;
  for (const [i, { before, name }] of pieces.entries()) {
    left = skip(left, before);
    if (left === undefined) return undefined;
    const follows = pieces[i + 1];
    const hasFraction = follows?.before === "" && /^[.,]/.test(follows.name);
    left = readPiece(name, left, reading, hasFraction);
    if (left === undefined) return undefined;
  }
  if (skip(left, rest) !== "") return undefined;
  return finish(reading, zone);
}

/** Spaces match any number of spaces, none too at the end of the text. */
function skip(value: string, prefix: string): string | undefined {
  let left = value;
  for (let rest = prefix; rest.length > 0; ) {
    if (rest[0] === " ") {
      if (left.length > 0 && left[0] !== " ") return undefined;
      rest = rest.replace(/^ +/, "");
      left = left.replace(/^ +/, "");
    } else if (left[0] !== rest[0]) return undefined;
    else [rest, left] = [rest.slice(1), left.slice(1)];
  }
  return left;
}

type NumberField = "year" | "month" | "day" | "hour" | "minute" | "second" | "yearDay";
const numberPieces: Record<string, [field: NumberField, pattern: RegExp, least: number, most: number]> = {
  "2006": ["year", /^\d{4}/, 0, 9999],
  "01": ["month", /^\d\d/, 1, 12],
  "1": ["month", /^\d\d?/, 1, 12],
  "02": ["day", /^\d\d/, 0, 99],
  "2": ["day", /^\d\d?/, 0, 99],
  _2: ["day", /^ ?\d\d?/, 0, 99],
  "002": ["yearDay", /^\d{3}/, 1, 366],
  __2: ["yearDay", /^ {0,2}\d{1,3}/, 1, 366],
  "15": ["hour", /^\d\d?/, 0, 23],
  "03": ["hour", /^\d\d/, 0, 12],
  "3": ["hour", /^\d\d?/, 0, 12],
  "04": ["minute", /^\d\d/, 0, 59],
  "4": ["minute", /^\d\d?/, 0, 59],
  "05": ["second", /^\d\d/, 0, 59],
  "5": ["second", /^\d\d?/, 0, 59],
};

function readPiece(name: string, value: string, into: Reading, hasFraction: boolean): string | undefined {
  const numeric = numberPieces[name];
  if (numeric) {
    const [field, pattern, least, most] = numeric;
    const match = pattern.exec(value)?.[0];
    const number = Number(match);
    if (match === undefined || number < least || number > most) return undefined;
    into[field] = number;
    if (field === "day" && number === 0) return undefined;
    const left = value.slice(match.length);
    return field === "second" && !hasFraction ? readFraction(left, /^[.,]\d+/, into) : left;
  }
  if (name[0] === "." || name[0] === ",") {
    const fixed = name[1] === "0";
    const pattern = fixed ? new RegExp(`^[.,]\\d{${name.length - 1}}`) : /^[.,]\d+/;
    return fixed && !pattern.test(value) ? undefined : readFraction(value, pattern, into);
  }
  if (/^[-Z]07/.test(name)) return readOffset(name, value, into);
  if (name === "MST") return readZoneName(value, into);
  if (name === "06") {
    const match = /^\d\d/.exec(value)?.[0];
    if (match) into.year = Number(match) + (Number(match) >= 69 ? 1900 : 2000);
    return match && value.slice(2);
  }
  if (name === "PM" || name === "pm") {
    const match = (name === "PM" ? /^[AP]M/ : /^[ap]m/).exec(value)?.[0];
    into.afternoon = match?.toUpperCase() === "PM";
    return match && value.slice(2);
  }
  const names =
    { January: monthNames, Jan: shortNames(monthNames), Monday: dayNames, Mon: shortNames(dayNames) }[name] ?? [];
  const index = names.findIndex((candidate) => value.toLowerCase().startsWith(candidate.toLowerCase()));
  if (index < 0) return undefined;
  if (name[0] === "J") into.month = index + 1;
  return value.slice((names[index] as string).length);
}

function readFraction(value: string, pattern: RegExp, into: Reading): string {
  const match = pattern.exec(value)?.[0];
  if (!match) return value;
  into.fraction = Number(match.slice(1, 10).padEnd(9, "0"));
  return value.slice(match.length);
}

function readOffset(name: string, value: string, into: Reading): string | undefined {
  if (name[0] === "Z" && value[0] === "Z") {
    into.zone = utc;
    return value.slice(1);
  }
  const pattern = {
    "07": /^([+-])(\d\d)/,
    "0700": /^([+-])(\d\d)(\d\d)/,
    "07:00": /^([+-])(\d\d):(\d\d)/,
    "070000": /^([+-])(\d\d)(\d\d)(\d\d)/,
    "07:00:00": /^([+-])(\d\d):(\d\d):(\d\d)/,
  }[name.slice(1)];
  const match = pattern?.exec(value);
  if (!match) return undefined;
  const [whole, sign, hours, minutes = "0", seconds = "0"] = match;
  if (Number(hours) > 24 || Number(minutes) > 60 || Number(seconds) > 60) return undefined;
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  into.zone = size === 0 ? utc : fixedZone("", sign === "-" ? -size : size);
  return value.slice(whole.length);
}

function readZoneName(value: string, into: Reading): string | undefined {
  if (value.startsWith("UTC")) {
    into.zone = utc;
    return value.slice(3);
  }
  const match =
    /^(?:ChST|MeST|GMT(?:[+-](?:2[0-3]|1\d|\d)(?!\d))?|[+-](?:2[0-3]|1\d|0?\d)(?!\d)|(?:WITA|[A-Z]{4}T|[A-Z]{3}T|[A-Z]{3})(?![A-Z]))/.exec(
      value,
    )?.[0];
  if (!match) return undefined;
  const hours = /^GMT[+-]/.test(match) ? Number(match.slice(3)) : 0;
  into.zone ??= fixedZone(match, hours * 3600);
  return value.slice(match.length);
}

const isLeap = (year: number) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const daysIn = (month: number, year: number) =>
  month === 2 && isLeap(year) ? 29 : ([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0);

function finish(reading: Reading, otherwise: Zone): Moment | undefined {
  const { year, yearDay, afternoon, zone } = reading;
  let { hour, month, day } = reading;
  if (afternoon === true && hour < 12) hour += 12;
  if (afternoon === false && hour === 12) hour = 0;
  if (yearDay > 0) {
    let [m, d] = [1, yearDay];
    while (m < 12 && d > daysIn(m, year)) d -= daysIn(m++, year);
    if (d > daysIn(m, year) || (month > 0 && month !== m) || (day > 0 && day !== d)) return undefined;
    [month, day] = [m, d];
  }
  month ||= 1;
  day ||= 1;
  if (day > daysIn(month, year)) return undefined;
  return momentOf({ ...reading, hour, month, day }, reading.fraction, zone ?? otherwise);
}
