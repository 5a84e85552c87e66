// Writing of DER, as far as certificates and requests need it. Source: ITU-T X.690.

export type Der = Uint8Array;

const tags = { boolean: 1, integer: 2, bits: 3, octets: 4, null: 5, oid: 6, utf8: 12, printable: 19, ia5: 22 } as const;
const [utcTime, generalTime, constructed, context] = [23, 24, 0x20, 0x80];

/** Bytes of what is written in one piece, such as all names of a certificate. */
const partLimit = 0xffff;

function tagged(tag: number, content: Der): Der {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  if (length > partLimit) throw new Error(`a part has ${length} bytes, more than partLimit (${partLimit})`);
  return Buffer.concat([Uint8Array.from([tag, ...size]), content]);
}

export const sequence = (...parts: Der[]): Der => tagged(0x30, Buffer.concat(parts));
export const set = (...parts: Der[]): Der => tagged(0x31, Buffer.concat(parts));
export const octets = (content: Der): Der => tagged(tags.octets, content);
export const nothing = (): Der => Uint8Array.from([tags.null, 0]);
export const truth = (): Der => Uint8Array.from([tags.boolean, 1, 0xff]);
export const ia5 = (text: string): Der => tagged(tags.ia5, ascii(text));

/** @throws naming the text when it has other characters */
export function ascii(text: string): Der {
  if (/[^\x20-\x7e]/.test(text)) throw new Error(`"${text.slice(0, 100)}" has characters beyond ASCII`);
  return Buffer.from(text);
}

/** `[number]`, around what is whole already. */
export const explicit = (number: number, ...parts: Der[]): Der =>
  tagged(context | constructed | number, Buffer.concat(parts));
/** `[number]` in place of the content's own tag. */
export const implicit = (number: number, content: Der): Der => tagged(context | number, content);

/** Bits of whole bytes; the last `unused` do not count. */
export const bits = (content: Der, unused = 0): Der =>
  tagged(tags.bits, Buffer.concat([Uint8Array.of(unused), content]));

/** @param big the bytes of a number that is not negative, most significant first */
export function integer(big: Der): Der {
  const from = big.findIndex((byte) => byte !== 0);
  const plain = from < 0 ? Uint8Array.of(0) : big.subarray(from);
  return tagged(tags.integer, (plain[0] ?? 0) & 0x80 ? Buffer.concat([Uint8Array.of(0), plain]) : plain);
}

/** An object identifier as `1.2.840`. */
export function identifier(text: string): Der {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    return groups;
  });
  return tagged(tags.oid, Uint8Array.from(bytes));
}

/** The opposite. */
export function readIdentifier(der: Der): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of contentOf(der)) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (arcs.length > 0) arcs.push(arc);
    else arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    arc = 0;
  }
  return arcs.join(".");
}

/** PrintableString where the characters allow it, and else UTF8String. */
export function text(value: string): Der {
  const isPlain = /^[A-Za-z0-9 '()+,./:=?-]*$/.test(value);
  return tagged(isPlain ? tags.printable : tags.utf8, Buffer.from(value));
}

/** Whole seconds; from 2050 on with four digits of the year (RFC 5280, 4.1.2.5). */
export function time(date: Date): Der {
  const digits = `${date
    .toISOString()
    .replace(/\.\d+Z$/, "")
    .replaceAll(/[-:T]/g, "")}Z`;
  const short = date.getUTCFullYear() >= 1950 && date.getUTCFullYear() < 2050;
  return tagged(short ? utcTime : generalTime, Buffer.from(short ? digits.slice(2) : digits));
}

/** The parts of a constructed element, tags and all. @throws when the text is no DER of that shape */
export function partsOf(der: Der): Der[] {
  const outer = frame(der, 0);
  const parts: Der[] = [];
  for (let at = outer.content; at < outer.end; ) {
    const { end } = frame(der, at);
    parts.push(der.subarray(at, end));
    at = end;
  }
  return parts;
}

/** What is within an element. */
export function contentOf(der: Der): Der {
  const { content, end } = frame(der, 0);
  return der.subarray(content, end);
}

function frame(der: Der, at: number): { content: number; end: number } {
  const first = der[at + 1] ?? 0;
  const more = first < 0x80 ? 0 : first & 0x7f;
  if (more > 3) throw new Error("this is no DER: a length has more than three bytes");
  let length = more === 0 ? first : 0;
  for (let index = 0; index < more; index++) length = length * 256 + (der[at + 2 + index] ?? 0);
  const content = at + 2 + more;
  if (content + length > der.length) throw new Error("this is no DER: a part ends beyond the whole");
  return { content, end: content + length };
}
