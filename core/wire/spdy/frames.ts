// SPDY/3.1's frames, as far as Kubernetes' streams use them. Source: draft-mbelshe-httpbis-spdy-00.
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from "node:zlib";
import { StatusError } from "@capstan/api/meta";
import { dictionary } from "./dictionary.ts";

export const frameType = {
  synStream: 1,
  synReply: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  window: 9,
};
export const finFlag = 1;

export type Frame =
  | { kind: "data"; stream: number; fin: boolean; data: Buffer }
  | { kind: "control"; type: number; flags: number; data: Buffer };

// A header block of a stream is some hundred bytes; data frames of clients are at most 32 KiB.
const frameLimit = 1 << 20;

/** Splits bytes into frames. @throws StatusError BadRequest on what is no SPDY/3. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);

  *push(bytes: Uint8Array): Iterable<Frame> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 8) {
      const first = this.#rest.readUInt32BE(0);
      const second = this.#rest.readUInt32BE(4);
      const length = second & 0xffffff;
      const flags = second >>> 24;
      if (length > frameLimit) throw new StatusError("BadRequest", `a frame is larger than frameLimit = ${frameLimit}`);
      if (this.#rest.length < 8 + length) return;
      const data = this.#rest.subarray(8, 8 + length);
      this.#rest = this.#rest.subarray(8 + length);
      if (first >>> 31 === 0) yield { kind: "data", stream: first, fin: (flags & finFlag) !== 0, data };
      else {
        if (((first >>> 16) & 0x7fff) !== 3) throw new StatusError("BadRequest", "not a frame of SPDY/3");
        yield { kind: "control", type: first & 0xffff, flags, data };
      }
    }
  }
}

export function dataFrame(stream: number, data: Uint8Array, fin: boolean): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(stream, 0);
  head.writeUInt32BE(((fin ? finFlag : 0) << 24) | data.length, 4);
  return Buffer.concat([head, data]);
}

export function controlFrame(type: number, flags: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(((0x8003 << 16) >>> 0) + type, 0);
  head.writeUInt32BE(((flags << 24) >>> 0) + data.length, 4);
  return Buffer.concat([head, data]);
}

export function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Header blocks of one direction share one zlib stream: they must be coded in the order of their frames. */
export class HeaderDecoder {
  readonly #inflate: Inflate = createInflate({ dictionary, finishFlush: constants.Z_SYNC_FLUSH });
  #output: Buffer[] = [];
  #size = 0;

  constructor() {
    this.#inflate.on("data", (data: Buffer) => {
      this.#size += data.length;
      if (this.#size > frameLimit)
        this.#inflate.destroy(new Error(`headers are larger than frameLimit = ${frameLimit}`));
      else this.#output.push(data);
    });
  }

  async decode(block: Uint8Array): Promise<Map<string, string>> {
    this.#output = [];
    this.#size = 0;
    await new Promise<void>((resolve, reject) => {
      this.#inflate.once("error", reject);
      this.#inflate.write(block, () => {
        this.#inflate.off("error", reject);
        resolve();
      });
    });
    return parseHeaders(Buffer.concat(this.#output));
  }

  close(): void {
    this.#inflate.destroy();
  }
}

function parseHeaders(block: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  let at = 0;
  const next = () => {
    const length = block.readUInt32BE(at);
    at += 4 + length;
    if (at > block.length) throw new StatusError("BadRequest", "a header block breaks off");
    return block.toString("utf8", at - length, at);
  };
  const count = block.length < 4 ? 0 : block.readUInt32BE(0);
  at = 4;
  for (let index = 0; index < count; index++) headers.set(next().toLowerCase(), next());
  return headers;
}

export class HeaderEncoder {
  readonly #deflate: Deflate = createDeflate({ dictionary });
  #output: Buffer[] = [];

  constructor() {
    this.#deflate.on("data", (data: Buffer) => this.#output.push(data));
  }

  async encode(headers: Map<string, string>): Promise<Buffer> {
    const parts = [number(headers.size)];
    for (const pair of headers) {
      for (const word of pair) parts.push(number(Buffer.byteLength(word)), Buffer.from(word));
    }
    this.#output = [];
    this.#deflate.write(Buffer.concat(parts));
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    return Buffer.concat(this.#output);
  }

  close(): void {
    this.#deflate.destroy();
  }
}
