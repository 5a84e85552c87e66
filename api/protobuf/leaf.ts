import { MalformedMessage, Reader, wireTypes } from "./reader.ts";

/** Decodes the fields of a small message by number: chunks for length-delimited ones, numbers for others. */
function fieldsOf(bytes: Uint8Array): Map<number, Uint8Array | number> {
  const reader = new Reader(bytes);
  const fields = new Map<number, Uint8Array | number>();
  while (!reader.done) {
    const { number, wireType } = reader.tag();
    if (wireType === wireTypes.bytes) fields.set(number, reader.chunk());
    else if (wireType === wireTypes.varint) fields.set(number, reader.varint());
    else reader.skip(wireType);
  }
  return fields;
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const empty = new Uint8Array();
const chunkOf = (value: Uint8Array | number | undefined) => (value instanceof Uint8Array ? value : empty);
const numberOf = (value: Uint8Array | number | undefined) => (typeof value === "number" ? value : 0);

export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new MalformedMessage("a string is not valid UTF-8");
  }
}

/** `Quantity{string=1}` */
export function decodeQuantity(bytes: Uint8Array): string {
  return decodeText(chunkOf(fieldsOf(bytes).get(1))) || "0";
}

/** `IntOrString{type=1, intVal=2, strVal=3}` */
export function decodeIntOrString(bytes: Uint8Array): number | string {
  const fields = fieldsOf(bytes);
  return numberOf(fields.get(1)) === 1 ? decodeText(chunkOf(fields.get(3))) : numberOf(fields.get(2));
}

/** `Timestamp{seconds=1, nanos=2}` as RFC 3339; undefined is Go's zero time. @param micro with six digits of a second. */
export function decodeTime(bytes: Uint8Array, micro: boolean): string | undefined {
  if (bytes.length === 0) return undefined;
  const fields = fieldsOf(bytes);
  const date = new Date(numberOf(fields.get(1)) * 1000);
  if (Number.isNaN(date.getTime())) throw new MalformedMessage("a time lies beyond the calendar");
  const seconds = date.toISOString().slice(0, -5);
  if (!micro) return `${seconds}Z`;
  const micros = Math.floor(numberOf(fields.get(2)) / 1000);
  return `${seconds}.${String(micros).padStart(6, "0")}Z`;
}

/** JSON that travels as bytes in field 1: RawExtension, FieldsV1, apiextensions' JSON. Undefined when empty. */
export function decodeJson(bytes: Uint8Array): unknown {
  const raw = chunkOf(fieldsOf(bytes).get(1));
  if (raw.length === 0) return undefined;
  try {
    return JSON.parse(decodeText(raw));
  } catch (error) {
    if (error instanceof MalformedMessage) throw error;
    throw new MalformedMessage("embedded JSON is not valid");
  }
}

/** Repeated strings in field 1, as authentication's ExtraValue. */
export function decodeStrings(bytes: Uint8Array, number = 1): string[] {
  const reader = new Reader(bytes);
  const strings: string[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag.number === number && tag.wireType === wireTypes.bytes) strings.push(reader.string());
    else reader.skip(tag.wireType);
  }
  return strings;
}

export function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  // Calls take a bounded number of arguments.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}
