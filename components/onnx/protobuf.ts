// Writes protocol buffers (encoding: protobuf.dev/programming-guides/encoding), as far as ONNX needs them.

const text = new TextEncoder();

export interface ProtoWriter {
  /** int32, int64, enum; left out when undefined. */
  int(field: number, value: number | undefined): void;
  float(field: number, value: number | undefined): void;
  bytes(field: number, value: Uint8Array | undefined): void;
  string(field: number, value: string | undefined): void;
  message(field: number, write: ((inner: ProtoWriter) => void) | undefined): void;
  /** Repeated numbers, packed. */
  ints(field: number, values: readonly number[]): void;
  floats(field: number, values: readonly number[]): void;
  doubles(field: number, values: readonly number[]): void;
}

/** @param write fills the message. */
export function encode(write: (writer: ProtoWriter) => void): Uint8Array {
  const buffer = createBuffer();
  write(createWriter(buffer));
  return buffer.take();
}

function createWriter(buffer: Buffer): ProtoWriter {
  const chunk = (field: number, bytes: Uint8Array) => {
    buffer.varint(field * 8 + 2);
    buffer.varint(bytes.length);
    buffer.raw(bytes);
  };
  return {
    int(field, value) {
      if (value === undefined) return;
      buffer.varint(field * 8);
      buffer.varint(value);
    },
    float(field, value) {
      if (value === undefined) return;
      buffer.varint(field * 8 + 5);
      buffer.raw(new Uint8Array(Float32Array.of(value).buffer));
    },
    bytes(field, value) {
      if (value !== undefined) chunk(field, value);
    },
    string(field, value) {
      if (value !== undefined) chunk(field, text.encode(value));
    },
    message(field, write) {
      if (write) chunk(field, encode(write));
    },
    ints(field, values) {
      const packed = createBuffer();
      for (const value of values) packed.varint(value);
      chunk(field, packed.take());
    },
    floats(field, values) {
      chunk(field, new Uint8Array(Float32Array.from(values).buffer));
    },
    doubles(field, values) {
      chunk(field, new Uint8Array(Float64Array.from(values).buffer));
    },
  };
}

interface Buffer {
  /** A whole number of at most 53 bits; negative ones take ten bytes, as the format says. */
  varint(value: number): void;
  raw(bytes: Uint8Array): void;
  take(): Uint8Array;
}

function createBuffer(): Buffer {
  let bytes = new Uint8Array(256);
  let length = 0;
  const reserve = (more: number) => {
    if (length + more <= bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * bytes.length, length + more));
    grown.set(bytes.subarray(0, length));
    bytes = grown;
  };
  return {
    varint(value) {
      reserve(10);
      if (value >= 0 && value < 0x80) {
        bytes[length++] = value;
        return;
      }
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest >= 0x80n; rest >>= 7n) bytes[length++] = Number(rest & 0x7fn) | 0x80;
      bytes[length++] = Number(rest);
    },
    raw(more) {
      reserve(more.length);
      bytes.set(more, length);
      length += more.length;
    },
    take: () => bytes.slice(0, length),
  };
}
