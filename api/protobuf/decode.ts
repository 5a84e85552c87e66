import { messageOf as textOf } from "@capstan/base/errors";
import { StatusError } from "../meta/status.ts";
import {
  decodeIntOrString,
  decodeJson,
  decodeQuantity,
  decodeStrings,
  decodeText,
  decodeTime,
  encodeBase64,
} from "./leaf.ts";
import { MalformedMessage, Reader, type WireType, wireTypes } from "./reader.ts";
import { type FieldEntry, messageOf, type Table, tableOf } from "./table.ts";

type Fields = Record<string, unknown>;

// `k8s` and a zero byte. Source: apimachinery's runtime/serializer/protobuf.
const magic = [0x6b, 0x38, 0x73, 0x00];
const deepest = 500;

/**
 * Decodes a request body of `application/vnd.kubernetes.protobuf` to the object that its JSON would be, without the
 * zeroes that JSON omits. Throws BadRequest.
 */
export function decodeProtobuf(bytes: Uint8Array): Fields {
  if (magic.some((byte, at) => bytes[at] !== byte)) {
    throw new StatusError(
      "BadRequest",
      "provided data does not appear to be a protobuf message, expected prefix 6b 38 73 00",
    );
  }
  try {
    const { apiVersion, kind, raw } = readEnvelope(bytes.subarray(magic.length));
    const type = messageOf(apiVersion, kind);
    if (!type) {
      throw new StatusError("BadRequest", `no kind "${kind}" is registered for version "${apiVersion}"`);
    }
    return { kind, apiVersion, ...decodeMessage(raw, type, 0) };
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    throw new StatusError("BadRequest", `the body of the request is not valid protobuf: ${textOf(error)}`);
  }
}

/** runtime.Unknown{typeMeta=1{apiVersion=1, kind=2}, raw=2, contentEncoding=3, contentType=4} */
function readEnvelope(bytes: Uint8Array): { apiVersion: string; kind: string; raw: Uint8Array } {
  const envelope: { apiVersion: string; kind: string; raw: Uint8Array } = {
    apiVersion: "",
    kind: "",
    raw: new Uint8Array(),
  };
  const reader = new Reader(bytes);
  while (!reader.done) {
    const { number, wireType } = reader.tag();
    if (number === 1 && wireType === wireTypes.bytes) {
      const meta = new Reader(reader.chunk());
      while (!meta.done) {
        const tag = meta.tag();
        if (tag.number === 1 && tag.wireType === wireTypes.bytes) envelope.apiVersion = meta.string();
        else if (tag.number === 2 && tag.wireType === wireTypes.bytes) envelope.kind = meta.string();
        else meta.skip(tag.wireType);
      }
    } else if (number === 2 && wireType === wireTypes.bytes) envelope.raw = reader.chunk();
    else if ((number === 3 || number === 4) && wireType === wireTypes.bytes) refuseEncoding(number, reader.string());
    else reader.skip(wireType);
  }
  return envelope;
}

function refuseEncoding(number: number, value: string): void {
  if (value === "" || (number === 4 && value === "application/vnd.kubernetes.protobuf")) return;
  throw new MalformedMessage(`${number === 3 ? "contentEncoding" : "contentType"} "${value}" is not supported`);
}

/** A message as an object. @param type key in api/generated/types.json. */
export function decodeMessage(bytes: Uint8Array, type: string, depth: number): Fields {
  const object: Fields = {};
  readFields(new Reader(bytes), tableOf(type), object, depth);
  return object;
}

function readFields(reader: Reader, table: Table, object: Fields, depth: number): void {
  if (depth > deepest) throw new MalformedMessage(`the message nests deeper than ${deepest} levels`);
  while (!reader.done) {
    const { number, wireType } = reader.tag();
    const entry = table.get(number);
    if (!entry) reader.skip(wireType);
    else if (entry.kind === "embed") readFields(new Reader(reader.chunk()), entry.table, object, depth + 1);
    else readField(reader, wireType, entry, object, depth);
  }
}

function readField(reader: Reader, wireType: WireType, entry: FieldEntry, object: Fields, depth: number): void {
  try {
    const wanted = entry.many === "map" ? wireTypes.bytes : wireTypeOf(entry);
    const packed = entry.many === "list" && wanted !== wireTypes.bytes && wireType === wireTypes.bytes;
    if (wireType !== wanted && !packed) throw new MalformedMessage(`wire type ${wireType} in place of ${wanted}`);
    if (entry.many === "map") readMapEntry(reader, entry, object, depth);
    else if (entry.many === "list")
      readItems(packed ? new Reader(reader.chunk()) : reader, packed, entry, object, depth);
    else readOne(reader, entry, object, depth);
  } catch (error) {
    throw error instanceof MalformedMessage ? error.within(entry.name) : error;
  }
}

function wireTypeOf({ scalar }: FieldEntry): WireType {
  if (scalar === "int32" || scalar === "int64" || scalar === "bool") return wireTypes.varint;
  return scalar === "double" ? wireTypes.fixed64 : wireTypes.bytes;
}

function readOne(reader: Reader, entry: FieldEntry, object: Fields, depth: number): void {
  const value = readValue(reader, entry, depth);
  // Go sends every field that is no pointer, so that its zero says nothing; one behind a pointer was set.
  if (value === undefined || (!entry.pointer && (value === 0 || value === "" || value === false))) return;
  object[entry.name] = value;
}

/** @param packed the reader holds nothing but items, one after the other. */
function readItems(reader: Reader, packed: boolean, entry: FieldEntry, object: Fields, depth: number): void {
  const list = (object[entry.name] as unknown[] | undefined) ?? [];
  object[entry.name] = list;
  do list.push(readValue(reader, entry, depth) ?? null);
  while (packed && !reader.done);
}

/** One entry of a map: a message {key=1, value=2}. */
function readMapEntry(reader: Reader, entry: FieldEntry, object: Fields, depth: number): void {
  const map = (object[entry.name] as Fields | undefined) ?? {};
  object[entry.name] = map;
  const pair = new Reader(reader.chunk());
  let key = "";
  let value = absentValue(entry, depth);
  while (!pair.done) {
    const { number, wireType } = pair.tag();
    if (number === 1 && wireType === wireTypes.bytes) key = pair.string();
    else if (number === 2 && wireType === wireTypeOf(entry)) value = readValue(pair, entry, depth) ?? null;
    else pair.skip(wireType);
  }
  if (key === "__proto__") throw new MalformedMessage('the key "__proto__" is not accepted');
  map[key] = value;
}

/** What a map's entry without a value holds. */
function absentValue(entry: FieldEntry, depth: number): unknown {
  if (entry.message) return decodeMessage(new Uint8Array(), entry.message, depth + 1);
  if (entry.scalar === "string" || entry.scalar === "bytes") return "";
  if (entry.scalar === "list:string") return [];
  return entry.scalar === "quantity" ? "0" : null;
}

function readValue(reader: Reader, entry: FieldEntry, depth: number): unknown {
  if (entry.message) return decodeMessage(reader.chunk(), entry.message, depth + 1);
  switch (entry.scalar) {
    case "string":
      return reader.string();
    case "bool":
      return reader.varint() !== 0;
    case "int32":
    case "int64":
      return reader.varint();
    case "double":
      return reader.double();
    case "bytes":
      return encodeBase64(reader.chunk());
    case "quantity":
      return decodeQuantity(reader.chunk());
    case "intOrString":
      return decodeIntOrString(reader.chunk());
    case "time":
    case "microTime":
      return decodeTime(reader.chunk(), entry.scalar === "microTime");
    case "list:string":
      return decodeStrings(reader.chunk());
    case "raw":
    case "fieldsV1":
    case "json":
      return decodeJson(reader.chunk());
    default:
      return readFree(reader.chunk(), entry.scalar, depth);
  }
}

const schemaType = "apiextensions/v1.JSONSchemaProps";

/**
 * The either-or messages of apiextensions: JSONSchemaPropsOrBool{allows=1, schema=2},
 * JSONSchemaPropsOrArray{schema=1, jSONSchemas=2}, JSONSchemaPropsOrStringArray{schema=1, property=2}.
 */
function readFree(bytes: Uint8Array, scalar: string | undefined, depth: number): unknown {
  const reader = new Reader(bytes);
  const schemas: Fields[] = [];
  const strings: string[] = [];
  let schema: Fields | undefined;
  let allows = false;
  while (!reader.done) {
    const { number, wireType } = reader.tag();
    if (wireType === wireTypes.varint && scalar === "schemaOrBool" && number === 1) allows = reader.varint() !== 0;
    else if (wireType !== wireTypes.bytes) reader.skip(wireType);
    else if (number === (scalar === "schemaOrBool" ? 2 : 1))
      schema = decodeMessage(reader.chunk(), schemaType, depth + 1);
    else if (scalar === "schemaOrArray" && number === 2)
      schemas.push(decodeMessage(reader.chunk(), schemaType, depth + 1));
    else if (scalar === "schemaOrStrings" && number === 2) strings.push(decodeText(reader.chunk()));
    else reader.skip(wireType);
  }
  if (schema) return schema;
  if (scalar === "schemaOrArray") return schemas;
  return scalar === "schemaOrStrings" ? strings : allows;
}
