import protobuf from "protobufjs/light.js";

/** Messages and methods of gRPC services, as tools/codegen/protobuf.ts writes them. */
export interface Descriptor {
  /** By full name. A field is `[number, type, "many" or the key type of a map]`. */
  types: Record<string, { fields?: Record<string, [number, string, string?]>; values?: Record<string, number> }>;
  services: Record<string, Record<string, { request: string; response: string; stream?: boolean }>>;
}

export interface MessageCodec {
  encode(message: object): Buffer;
  /** @throws when the bytes are no such message */
  decode(bytes: Uint8Array): object;
}

export interface MethodCodec {
  /** `/service/method` */
  path: string;
  request: MessageCodec;
  response: MessageCodec;
  /** The answer is a stream of responses. */
  stream: boolean;
}

// Absent scalars are read as zero; 64-bit numbers as doubles, which are exact to 2^53.
const reading: protobuf.IConversionOptions = { longs: Number, enums: String, defaults: true, arrays: true };

/** Codecs of all methods of the descriptors, by `service/method`. */
export function readCodecs(...descriptors: Descriptor[]): Map<string, MethodCodec> {
  const root = new protobuf.Root();
  for (const { types } of descriptors) for (const [key, type] of Object.entries(types)) define(root, key, type);
  const codecs = new Map<string, MethodCodec>();
  for (const { services } of descriptors) {
    for (const [service, methods] of Object.entries(services)) {
      for (const [method, { request, response, stream = false }] of Object.entries(methods)) {
        codecs.set(`${service}/${method}`, {
          path: `/${service}/${method}`,
          request: codecOf(root.lookupType(request)),
          response: codecOf(root.lookupType(response)),
          stream,
        });
      }
    }
  }
  return codecs;
}

function codecOf(type: protobuf.Type): MessageCodec {
  return {
    encode: (message) => Buffer.from(type.encode(type.fromObject(message)).finish()),
    decode: (bytes) => type.toObject(type.decode(bytes), reading),
  };
}

function define(root: protobuf.Root, key: string, { fields, values }: Descriptor["types"][string]): void {
  const parts = key.split(".");
  const name = parts.pop() ?? "";
  const space = parts.length > 0 ? root.define(parts) : root;
  if (values) {
    space.add(new protobuf.Enum(name, values));
    return;
  }
  const type = new protobuf.Type(name);
  for (const [field, [id, kind, many]] of Object.entries(fields ?? {})) {
    if (many === undefined) type.add(new protobuf.Field(field, id, kind));
    else if (many === "many") type.add(new protobuf.Field(field, id, kind, "repeated"));
    else type.add(new protobuf.MapField(field, id, many, kind));
  }
  space.add(type);
}
