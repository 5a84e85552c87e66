// sprig's functions on times, digests, random values, paths and addresses.
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomInt, randomUUID } from "node:crypto";
import { ExpressionError } from "../error.ts";
import { Duration, findZone, Moment, parseTime, readDuration, utc } from "../time/index.ts";
import { isRecord } from "../values.ts";
import { type Callable, limitSize, type Signature } from "./call.ts";
import { compareVersions } from "./versions.ts";

type Entry = [Signature, Callable];

function moment(value: unknown): Moment {
  if (value instanceof Moment) return value;
  return new Moment(typeof value === "bigint" ? Number(value) * 1000 : Date.now());
}
const dateInZone = (layout: string, value: unknown, zone: string) =>
  moment(value)
    .in(findZone(zone) ?? utc)
    .format(layout);
const inZone: Entry = ["sas", dateInZone as Callable];

function modify(change: string, date: Moment, strict: boolean): Moment {
  const span = readDuration(change);
  if (span === undefined && strict)
    throw new ExpressionError(`sprig.mustDateModify: invalid duration ${JSON.stringify(change)}`);
  return span === undefined ? date : date.plus(new Duration(span));
}
const quietModify: Entry = ["st", (change, date) => modify(change as string, date as Moment, false)];
const strictModify: Entry = ["st", (change, date) => modify(change as string, date as Moment, true)];

const firstMoment = new Moment(-62_135_596_800_000);
function toDate(layout: string, text: string, strict: boolean): Moment {
  const read = parseTime(layout, text);
  if (!read && strict) throw new ExpressionError(`sprig.mustToDate: ${JSON.stringify(text)} does not fit ${layout}`);
  return read ?? firstMoment;
}

function toSeconds(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  return typeof value === "string" && /^[+-]?\d+$/.test(value) ? BigInt(value.replace("+", "")) : 0n;
}

const year = 31_536_000_000_000_000n;
const spans: [bigint, string][] = [
  [year, "y"],
  [2_592_000_000_000_000n, "mo"],
  [86_400_000_000_000n, "d"],
  [3_600_000_000_000n, "h"],
  [60_000_000_000n, "m"],
  [1_000_000_000n, "s"],
];
function durationRound(value: unknown): string {
  let span = 0n;
  if (typeof value === "string") span = readDuration(value) ?? 0n;
  else if (typeof value === "bigint") span = value;
  else if (value instanceof Moment) span = new Moment(Date.now()).minus(value).nanoseconds;
  const size = span < 0n ? -span : span;
  for (const [unit, letter] of spans) if (size > unit) return `${size / unit}${letter}`;
  return "0s";
}
const ago = (value: unknown) => {
  const span = new Moment(Date.now()).minus(moment(value)).nanoseconds;
  return new Duration(((span + 500_000_000n) / 1_000_000_000n) * 1_000_000_000n).toString();
};

const times: Record<string, Entry> = {
  now: ["", () => new Moment(Date.now())],
  ago: ["a", ago],
  date: ["sa", (layout, value) => dateInZone(layout as string, value, "UTC")],
  dateInZone: inZone,
  date_in_zone: inZone,
  dateModify: quietModify,
  date_modify: quietModify,
  mustDateModify: strictModify,
  must_date_modify: strictModify,
  toDate: ["ss", (layout, text) => toDate(layout as string, text as string, false)],
  mustToDate: ["ss", (layout, text) => toDate(layout as string, text as string, true)],
  unixEpoch: ["t", (date) => String((date as Moment).seconds)],
  htmlDate: ["a", (value) => dateInZone("2006-01-02", value, "UTC")],
  htmlDateInZone: ["as", (value, zone) => dateInZone("2006-01-02", value, zone as string)],
  duration: ["a", (value) => new Duration(toSeconds(value) * 1_000_000_000n).toString()],
  durationRound: ["a", durationRound],
};

const digest = (algorithm: string): Entry => [
  "s",
  (text) =>
    createHash(algorithm)
      .update(text as string)
      .digest("hex"),
];
function adler32(text: string): string {
  let [a, b] = [1, 0];
  for (const byte of Buffer.from(text)) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return String((b * 65_536 + a) >>> 0);
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const visible = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");
const random = (name: string, alphabet: string): Entry => [
  "i",
  (count) => {
    limitSize(name, Number(count));
    return Array.from({ length: Math.max(0, Number(count)) }, () => alphabet[randomInt(alphabet.length)]).join("");
  },
];
function shuffle(text: string): string {
  const chars = [...text];
  for (let i = chars.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [chars[i], chars[j]] = [chars[j] as string, chars[i] as string];
  }
  return chars.join("");
}

const keyOf = (password: string) => Buffer.concat([Buffer.from(password), Buffer.alloc(32)]).subarray(0, 32);
function encrypt(password: string, text: string): string {
  if (text === "") return "";
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-256-cbc", keyOf(password), iv);
  return Buffer.concat([iv, cipher.update(text), cipher.final()]).toString("base64");
}
function decrypt(password: string, text: string): string {
  if (text === "") return "";
  const bytes = Buffer.from(text, "base64");
  try {
    const decipher = createDecipheriv("aes-256-cbc", keyOf(password), bytes.subarray(0, 16));
    return Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString();
  } catch {
    throw new ExpressionError("sprig.decryptAES: the text or the password is wrong");
  }
}

const secrets: Record<string, Entry> = {
  sha1sum: digest("sha1"),
  sha256sum: digest("sha256"),
  sha512sum: digest("sha512"),
  adler32sum: ["s", adler32 as Callable],
  randAlpha: random("randAlpha", letters),
  randAlphaNum: random("randAlphaNum", `${letters}0123456789`),
  randNumeric: random("randNumeric", "0123456789"),
  randAscii: random("randAscii", visible),
  randInt: ["ii", (least, most) => BigInt(randomInt(Number(least), Number(most)))],
  randBytes: [
    "i",
    (count) => {
      limitSize("randBytes", Number(count));
      return randomBytes(Number(count)).toString("base64");
    },
  ],
  shuffle: ["s", shuffle as Callable],
  uuidv4: ["", () => randomUUID()],
  encryptAES: ["ss", encrypt as Callable],
  decryptAES: ["ss", decrypt as Callable],
};

function clean(path: string): string {
  if (path === "") return ".";
  const rooted = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!rooted) parts.push("..");
  }
  return (rooted ? "/" : "") + parts.join("/") || ".";
}
function base(path: string): string {
  if (path === "") return ".";
  const name = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
  return name === "" ? "/" : name;
}
const paths: Record<string, Callable> = {
  base: base as Callable,
  clean: clean as Callable,
  dir: (path) => clean((path as string).slice(0, (path as string).lastIndexOf("/") + 1)),
  ext: (path) => /\.[^./]*$/.exec(path as string)?.[0] ?? "",
  isAbs: (path) => (path as string).startsWith("/"),
};

const addressParts =
  /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/(?:([^@/?#]*)@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;
function urlParse(text: string): Record<string, unknown> {
  const [, scheme = "", userinfo = "", host = "", path = "", query = "", fragment = ""] = addressParts.exec(text) ?? [];
  const opaque =
    scheme !== "" && host === "" && path !== "" && !path.startsWith("/") && !text.startsWith(`${scheme}://`);
  return {
    scheme: scheme.toLowerCase(),
    userinfo,
    host,
    hostname: /^\[(.*)\]/.exec(host)?.[1] ?? host.replace(/:\d*$/, ""),
    path: opaque ? "" : decodeURIComponent(path),
    query,
    opaque: opaque ? path : "",
    fragment: decodeURIComponent(fragment),
  };
}
function urlJoin(dict: unknown): string {
  const read = (key: string) => {
    const value = isRecord(dict) && Object.hasOwn(dict, key) ? dict[key] : "";
    if (typeof value !== "string") throw new ExpressionError(`sprig.urlJoin: ${key} must be a string`);
    return value;
  };
  const [scheme, host, userinfo] = [read("scheme"), read("host"), read("userinfo")];
  const path = encodeURI(read("path"));
  let text = scheme ? `${scheme}:` : "";
  if (read("opaque")) text += read("opaque");
  else {
    if (scheme || host || userinfo) if (host || path || userinfo) text += `//${userinfo ? `${userinfo}@` : ""}${host}`;
    text += path && host && !path.startsWith("/") ? `/${path}` : path;
  }
  if (read("query")) text += `?${read("query")}`;
  return read("fragment") ? `${text}#${encodeURI(read("fragment"))}` : text;
}

export const others: Record<string, Entry> = {
  ...times,
  ...secrets,
  ...Object.fromEntries(
    Object.entries(paths).flatMap(([name, work]): [string, Entry][] => [
      [name, ["s", work]],
      [`os${name[0]?.toUpperCase()}${name.slice(1)}`, ["s", work]],
    ]),
  ),
  urlParse: ["s", urlParse as Callable],
  urlJoin: ["d", urlJoin],
  semverCompare: ["ss", compareVersions as Callable],
};
