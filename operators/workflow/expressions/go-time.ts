// Go's reference-time layouts: `2006-01-02T15:04:05Z07:00`.

const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]; // biome-ignore format: a list of names
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const pad = (value: number, width = 2) => String(value).padStart(width, "0");

/** Longest first, so that `2006` is not read as `2`. */
const pieces: [string, (date: Date) => string][] = [
  ["January", (d) => months[d.getUTCMonth()] as string],
  ["Monday", (d) => days[d.getUTCDay()] as string],
  ["Z07:00", () => "Z"],
  ["-07:00", () => "+00:00"],
  ["Z0700", () => "Z"],
  ["-0700", () => "+0000"],
  ["2006", (d) => pad(d.getUTCFullYear(), 4)],
  [".000", (d) => `.${pad(d.getUTCMilliseconds(), 3)}`],
  ["Jan", (d) => (months[d.getUTCMonth()] as string).slice(0, 3)],
  ["Mon", (d) => (days[d.getUTCDay()] as string).slice(0, 3)],
  ["MST", () => "UTC"],
  ["01", (d) => pad(d.getUTCMonth() + 1)],
  ["02", (d) => pad(d.getUTCDate())],
  ["03", (d) => pad(d.getUTCHours() % 12 || 12)],
  ["04", (d) => pad(d.getUTCMinutes())],
  ["05", (d) => pad(d.getUTCSeconds())],
  ["06", (d) => pad(d.getUTCFullYear() % 100)],
  ["15", (d) => pad(d.getUTCHours())],
  ["PM", (d) => (d.getUTCHours() < 12 ? "AM" : "PM")],
  ["pm", (d) => (d.getUTCHours() < 12 ? "am" : "pm")],
  ["_2", (d) => String(d.getUTCDate()).padStart(2)],
  ["1", (d) => String(d.getUTCMonth() + 1)],
  ["2", (d) => String(d.getUTCDate())],
  ["3", (d) => String(d.getUTCHours() % 12 || 12)],
  ["4", (d) => String(d.getUTCMinutes())],
  ["5", (d) => String(d.getUTCSeconds())],
];

/** @param epoch milliseconds; printed in UTC. */
export function formatGoTime(epoch: number, layout: string): string {
  const date = new Date(epoch);
  let text = "";
  for (let at = 0; at < layout.length; ) {
    const piece = pieces.find(([name]) => layout.startsWith(name, at));
    text += piece ? piece[1](date) : layout[at];
    at += piece ? piece[0].length : 1;
  }
  return text;
}

/** Epoch milliseconds of an RFC 3339 text or of one in `layout`; undefined when it is neither. */
export function parseGoTime(text: string, layout?: string): number | undefined {
  if (!layout) {
    const epoch = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(epoch) ? undefined : epoch;
  }
  const fields: Record<string, RegExp> = {};
  let pattern = "";
  for (let at = 0; at < layout.length; ) {
    const piece = pieces.find(([name]) => layout.startsWith(name, at))?.[0];
    const group = piece && !fields[piece] && /\d/.test(piece) && !/07/.test(piece);
    if (group) {
      fields[piece] = /x/;
      pattern += `(?<f${piece.replace(/\W/g, "")}>\\d{1,4})`;
    } else pattern += piece ? "\\S+?" : (layout[at] as string).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    at += piece ? piece.length : 1;
  }
  const groups = new RegExp(`^${pattern}$`).exec(text)?.groups;
  if (!groups) return undefined;
  const read = (names: string[], otherwise: number) =>
    Number(names.map((n) => groups[`f${n}`]).find(Boolean) ?? otherwise);
  const year = groups.f06 ? 2000 + Number(groups.f06) : read(["2006"], 1970);
  return Date.UTC(
    year,
    read(["01", "1"], 1) - 1,
    read(["02", "2"], 1),
    read(["15", "03", "3"], 0),
    read(["04", "4"], 0),
    read(["05", "5"], 0),
  );
}
