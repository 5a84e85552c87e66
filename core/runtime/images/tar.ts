// Reads tar archives piece by piece as they come, without waiting: what it is given it has dealt with when it returns.
import { RuntimeError } from "../cri.ts";
import { blockSize, checkSum, entryOf, readRecords, sizeOf, type TarEntry, typeOf } from "./tar-header.ts";

export interface TarLimits {
  entries: number;
  /** Bytes of all files together. */
  bytes: number;
  /** Bytes of the extended headers of an entry: they are held in memory. */
  headerBytes: number;
}

export interface TarVisitor {
  entry(entry: TarEntry): void;
  /** Content of the last entry, a file; the bytes are the visitor's until it returns. */
  content(bytes: Uint8Array): void;
  /** The last entry is whole. */
  end(): void;
}

type State =
  | { kind: "header" }
  | { kind: "extended"; flag: string; left: number; parts: Buffer[] }
  | { kind: "content"; left: number; padding: number; visited: boolean }
  | { kind: "padding"; left: number }
  | { kind: "over" };

/** Throws RuntimeError InvalidImage with the limit's name, or where the archive breaks off. */
export class TarReader {
  readonly #visitor: TarVisitor;
  readonly #limits: TarLimits;
  readonly #global = new Map<string, Buffer>();
  #pax = new Map<string, Buffer>();
  #state: State = { kind: "header" };
  #header = Buffer.alloc(blockSize);
  #filled = 0;
  #extended = { x: 0, g: 0 };
  entries = 0;
  bytes = 0;

  constructor(visitor: TarVisitor, limits: TarLimits) {
    this.#visitor = visitor;
    this.#limits = limits;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at += this.#step(chunk.subarray(at));
  }

  /** The archive has no more bytes. */
  finish(): void {
    const { kind } = this.#state;
    if (kind !== "over" && (kind !== "header" || this.#filled > 0))
      throw new RuntimeError("InvalidImage", "the archive breaks off");
  }

  /** @returns how many bytes were taken. */
  #step(bytes: Buffer): number {
    const state = this.#state;
    if (state.kind === "header") return this.#readHeader(bytes);
    if (state.kind === "over") return bytes.length;
    const piece = bytes.length > state.left ? bytes.subarray(0, state.left) : bytes;
    state.left -= piece.length;
    if (state.kind === "content" && state.visited) this.#visitor.content(piece);
    if (state.kind === "extended") state.parts.push(Buffer.from(piece));
    if (state.left === 0) this.#finishPart(state);
    return piece.length;
  }

  #finishPart(state: State): void {
    let padding = 0;
    if (state.kind === "extended") {
      const data = Buffer.concat(state.parts);
      this.#extend(state.flag, data);
      padding = paddingOf(data.length);
    } else if (state.kind === "content") {
      if (state.visited) this.#visitor.end();
      padding = state.padding;
    }
    this.#state = padding > 0 ? { kind: "padding", left: padding } : { kind: "header" };
  }

  #extend(flag: string, data: Buffer): void {
    const end = data.indexOf(0);
    if (flag === "x" || flag === "g") readRecords(data, flag === "x" ? this.#pax : this.#global);
    else this.#pax.set(flag === "L" ? "path" : "linkpath", end < 0 ? data : data.subarray(0, end));
  }

  #readHeader(bytes: Buffer): number {
    const taken = bytes.copy(this.#header, this.#filled, 0, blockSize - this.#filled);
    this.#filled += taken;
    if (this.#filled < blockSize) return taken;
    this.#filled = 0;
    const header = this.#header;
    if (header[0] === 0 && header.every((byte) => byte === 0)) {
      this.#state = { kind: "over" };
      return taken;
    }
    checkSum(header);
    const flag = String.fromCharCode(header[156] ?? 0);
    if ("xgLK".includes(flag)) this.#beginExtended(flag, sizeOf(header, new Map()));
    else this.#beginEntry(flag);
    return taken;
  }

  #beginExtended(flag: string, size: number): void {
    const { headerBytes } = this.#limits;
    const kind = flag === "g" ? "g" : "x";
    this.#extended[kind] += size + blockSize;
    if (this.#extended[kind] > headerBytes) throw refuse("headerBytes", headerBytes);
    if (size > 0) this.#state = { kind: "extended", flag, left: size, parts: [] };
  }

  #beginEntry(flag: string): void {
    const size = sizeOf(this.#header, this.#pax);
    const type = typeOf(flag);
    const pax = this.#global.size > 0 ? new Map([...this.#global, ...this.#pax]) : this.#pax;
    const entry = entryOf(this.#header, type, pax, size);
    if (this.#pax.size > 0) this.#pax = new Map();
    this.#extended.x = 0;
    if (++this.entries > this.#limits.entries) throw refuse("entries", this.#limits.entries);
    this.bytes += entry.size;
    if (this.bytes > this.#limits.bytes) throw refuse("bytes", this.#limits.bytes);
    this.#visitor.entry(entry);
    const visited = type === "file";
    const state: State = { kind: "content", left: size, padding: paddingOf(size), visited };
    if (size > 0) this.#state = state;
    else this.#finishPart(state);
  }
}

const refuse = (name: string, limit: number) =>
  new RuntimeError("InvalidImage", `the archive is larger than the limit ${name} = ${limit}`);

const paddingOf = (size: number) => (blockSize - (size % blockSize)) % blockSize;
