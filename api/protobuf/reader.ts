/** The bytes are not a protobuf message, or hold what JSON cannot. `path` leads to the field. */
export class MalformedMessage extends Error {
  readonly path: string;
  readonly problem: string;

  constructor(problem: string, path = "") {
    super(path === "" ? problem : `${path}: ${problem}`);
    this.name = "MalformedMessage";
    this.path = path;
    this.problem = problem;
  }

  /** The same problem, seen from the object around it. */
  within(name: string): MalformedMessage {
    return new MalformedMessage(this.problem, this.path === "" ? name : `${name}.${this.path}`);
  }
}

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;
export type WireType = (typeof wireTypes)[keyof typeof wireTypes];

const text = new TextDecoder("utf-8", { fatal: true });

/** Reads one message, front to back. Every method throws MalformedMessage at the end of the bytes. */
export class Reader {
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  /** The next field's number and wire type. */
  tag(): { number: number; wireType: WireType } {
    const tag = this.varint();
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (number < 1 || wireType > 5) throw new MalformedMessage(`tag ${tag} is not valid`);
    return { number, wireType: wireType as WireType };
  }

  /** A signed 64-bit integer; negative ones take ten bytes. Refuses what a double cannot hold exactly. */
  varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new MalformedMessage("the message ends within a number");
      if (shift > 63) throw new MalformedMessage("a number is longer than 64 bits");
      const bits = byte & 0x7f;
      if (shift < 28) low += bits * 2 ** shift;
      else if (shift === 28) {
        low += (bits & 0xf) * 2 ** 28;
        high += bits >>> 4;
      } else high += bits * 2 ** (shift - 32);
      if (byte < 0x80) break;
    }
    const value = (high | 0) * 2 ** 32 + low;
    if (!Number.isSafeInteger(value)) throw new MalformedMessage("integers must lie between -(2^53 - 1) and 2^53 - 1");
    return value;
  }

  double(): number {
    const view = this.take(8);
    return new DataView(view.buffer, view.byteOffset, 8).getFloat64(0, true);
  }

  /** A length-delimited value: shares memory with the message. */
  chunk(): Uint8Array {
    return this.take(this.varint());
  }

  string(): string {
    try {
      return text.decode(this.chunk());
    } catch (error) {
      if (error instanceof MalformedMessage) throw error;
      throw new MalformedMessage("a string is not valid UTF-8");
    }
  }

  /** Passes over a field that nobody wants. Groups are of an older protobuf: Kubernetes has none. */
  skip(wireType: WireType): void {
    if (wireType === wireTypes.varint) this.skipVarint();
    else if (wireType === wireTypes.fixed64) this.take(8);
    else if (wireType === wireTypes.bytes) this.chunk();
    else if (wireType === wireTypes.fixed32) this.take(4);
    else throw new MalformedMessage("groups are not supported");
  }

  private skipVarint(): void {
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new MalformedMessage("the message ends within a number");
      if (byte < 0x80) return;
    }
  }

  private take(length: number): Uint8Array {
    const end = this.at + length;
    if (length < 0 || end > this.bytes.length) throw new MalformedMessage("the message is shorter than it says");
    const chunk = this.bytes.subarray(this.at, end);
    this.at = end;
    return chunk;
  }
}
