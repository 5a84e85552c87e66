// The Swagger 2 document in protobuf, which kubectl before 1.29 reads before it applies.
// Source: the field numbers of gnostic-models' openapiv2/OpenAPIv2.proto.
type Loose = Record<string, unknown>;

const encoder = new TextEncoder();

/** Gathers the parts of a message. */
class Message {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  #push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#size += part.length;
  }
  varint(field: number, value: number): this {
    this.#push(varint(field * 8));
    this.#push(varint(value));
    return this;
  }
  bytes(field: number, value: Uint8Array): this {
    this.#push(varint(field * 8 + 2));
    this.#push(varint(value.length));
    this.#push(value);
    return this;
  }
  text(field: number, value: unknown): this {
    return typeof value === "string" && value !== "" ? this.bytes(field, encoder.encode(value)) : this;
  }
  texts(field: number, values: unknown): this {
    if (Array.isArray(values)) for (const value of values) this.text(field, value);
    return this;
  }
  flag(field: number, value: unknown): this {
    return value === true ? this.varint(field, 1) : this;
  }
  message(field: number, message: Message | undefined): this {
    return message ? this.bytes(field, message.finish()) : this;
  }
  finish(): Uint8Array {
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return Uint8Array.from(bytes);
}

/** A value of any shape travels as YAML, of which JSON is a part. */
const any = (value: unknown): Message => new Message().text(2, JSON.stringify(value));

function extensions(message: Message, field: number, object: Loose): Message {
  for (const [name, value] of Object.entries(object)) {
    if (name.startsWith("x-")) message.message(field, new Message().text(1, name).message(2, any(value)));
  }
  return message;
}

function named(message: Message, field: number, entries: Loose, encode: (value: Loose) => Message): Message {
  for (const [name, value] of Object.entries(entries)) {
    message.message(field, new Message().text(1, name).message(2, encode(value as Loose)));
  }
  return message;
}

function schema(value: Loose): Message {
  const message = new Message()
    .text(1, value.$ref)
    .text(2, value.format)
    .text(3, value.title)
    .text(4, value.description)
    .text(13, value.pattern)
    .texts(19, value.required);
  if (value.default !== undefined) message.message(5, any(value.default));
  if (Array.isArray(value.enum)) for (const item of value.enum) message.message(20, any(item));
  const more = value.additionalProperties;
  if (more === true) message.message(21, new Message().flag(2, true));
  else if (typeof more === "object" && more !== null)
    message.message(21, new Message().message(1, schema(more as Loose)));
  if (value.type) message.message(22, new Message().text(1, value.type));
  if (value.items) message.message(23, new Message().message(1, schema(value.items as Loose)));
  if (Array.isArray(value.allOf)) for (const part of value.allOf) message.message(24, schema(part as Loose));
  if (value.properties) message.message(25, named(new Message(), 1, value.properties as Loose, schema));
  return extensions(message, 31, value);
}

function parameter(value: Loose): Message {
  if (value.in === "body") {
    const body = new Message().text(2, value.name).text(3, "body").flag(4, value.required);
    return new Message().message(1, new Message().message(1, body.message(5, schema(value.schema as Loose))));
  }
  const plain = new Message().flag(1, value.required).text(2, value.in).text(4, value.name);
  const isPath = value.in === "path";
  plain.text(isPath ? 5 : 6, value.type ?? "string");
  return new Message().message(1, new Message().message(2, new Message().message(isPath ? 4 : 3, plain)));
}

function response(value: Loose): Message {
  const inner = new Message().text(1, value.description);
  if (value.schema) inner.message(2, new Message().message(1, schema(value.schema as Loose)));
  return new Message().message(1, inner);
}

function operation(value: Loose): Message {
  const message = new Message().texts(1, value.tags).text(5, value.operationId).texts(7, value.consumes);
  for (const item of (value.parameters as Loose[] | undefined) ?? []) message.message(8, parameter(item));
  message.message(9, named(new Message(), 1, value.responses as Loose, response));
  return extensions(message, 13, value);
}

const methods: Record<string, number> = { get: 2, put: 3, post: 4, delete: 5, patch: 8 };

function pathItem(value: Loose): Message {
  const message = new Message();
  for (const [method, field] of Object.entries(methods)) {
    if (value[method]) message.message(field, operation(value[method] as Loose));
  }
  return message;
}

/** @param swagger the document as JSON has it. */
export function encodeSwagger(swagger: Loose): Uint8Array {
  const info = swagger.info as Loose;
  return new Message()
    .text(1, swagger.swagger)
    .message(2, new Message().text(1, info.title).text(2, info.version))
    .message(8, named(new Message(), 2, swagger.paths as Loose, pathItem))
    .message(9, named(new Message(), 1, swagger.definitions as Loose, schema))
    .finish();
}
