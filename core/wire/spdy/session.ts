import type { Duplex } from "node:stream";
import { createQueue, type Queue } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import {
  controlFrame,
  dataFrame,
  FrameParser,
  finFlag,
  frameType,
  HeaderDecoder,
  HeaderEncoder,
  number,
} from "./frames.ts";

/** One stream of a connection; the client opens all of them. */
export interface SpdyStream extends AsyncIterable<Uint8Array> {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Resolves when the connection takes more. */
  write(data: Uint8Array): Promise<void>;
  /** Ends this side. */
  end(): Promise<void>;
  reset(): void;
}

export interface SpdySession {
  /** Streams as the client opens them; ends with the connection. */
  streams: AsyncIterable<SpdyStream>;
  closed: Promise<void>;
  close(): void;
}

export interface SpdyClient {
  open(headers: ReadonlyMap<string, string>): Promise<SpdyStream>;
  closed: Promise<void>;
  close(): void;
  /** Closes without waiting for the other side. */
  abort(): void;
}

// Streams that a client may have open: one forwarded connection takes two.
const streamLimit = 2000;
// What data frames carry at most.
const pieceLimit = 32 * 1024;
// Pieces that wait for a reader of a client's stream before the connection is read no further.
const waitingLimit = 64;

/** The server's side of SPDY/3.1 on a raw connection. Kubernetes' clients use no flow control: there is none. */
export function openSpdySession(socket: Duplex, head: Uint8Array, log: Logger): SpdySession {
  const streams = createQueue<SpdyStream>();
  const connection = new SpdyConnection(socket);
  connection.onOpen = async (id, headers, fin) => {
    if (connection.count >= streamLimit) return void connection.sendReset(id, refused);
    const stream = connection.add(id, headers);
    if (fin) connection.endInput(id);
    await connection.control(frameType.synReply, id, new Map());
    streams.push(stream);
  };
  void connection.closed.then(() => streams.end());
  connection.read(head, log);
  return { streams, closed: connection.closed, close: () => void socket.end() };
}

/** The client's side, on a connection that has changed to SPDY/3.1. A reader that is slow slows the whole connection. */
export function openSpdyClient(socket: Duplex, head: Uint8Array, log: Logger): SpdyClient {
  const connection = new SpdyConnection(socket, waitingLimit);
  let next = 1;
  connection.read(head, log);
  return {
    async open(headers) {
      const id = next;
      next += 2;
      const stream = connection.add(id, new Map(headers));
      // No stream it belongs to; the highest priority.
      await connection.control(frameType.synStream, id, new Map(headers), Buffer.alloc(6));
      return stream;
    },
    closed: connection.closed,
    close: () => void socket.end(),
    abort: () => void socket.destroy(),
  };
}

// Status codes of RST_STREAM.
const refused = 3;
const cancelled = 5;

/** What both sides do alike. */
class SpdyConnection {
  readonly closed: Promise<void>;
  onOpen: ((id: number, headers: Map<string, string>, fin: boolean) => Promise<void>) | undefined;
  readonly #socket: Duplex;
  readonly #limit: number;
  readonly #inputs = new Map<number, Queue<Uint8Array>>();
  readonly #encoder = new HeaderEncoder();
  readonly #decoder = new HeaderDecoder();
  readonly #parser = new FrameParser();
  #taken = Promise.withResolvers<void>();
  /** Header blocks are sent in the order in which they were coded. */
  #headersSent: Promise<void> = Promise.resolve();

  constructor(socket: Duplex, limit = Number.POSITIVE_INFINITY) {
    this.#socket = socket;
    this.#limit = limit;
    this.closed = new Promise<void>((resolve) => {
      const over = () => {
        for (const input of this.#inputs.values()) input.end();
        this.#taken.resolve();
        this.#encoder.close();
        this.#decoder.close();
        resolve();
      };
      if (socket.destroyed) over();
      else socket.once("close", over);
    });
  }

  get count(): number {
    return this.#inputs.size;
  }

  add(id: number, headers: Map<string, string>): SpdyStream {
    const input = createQueue<Uint8Array>();
    this.#inputs.set(id, input);
    return {
      id,
      headers,
      [Symbol.asyncIterator]: () => this.#readInput(input),
      write: async (bytes) => {
        for (let at = 0; at < bytes.length; at += pieceLimit)
          await this.#send(dataFrame(id, bytes.subarray(at, at + pieceLimit), false));
      },
      end: () => this.#send(dataFrame(id, new Uint8Array(0), true)),
      reset: () => {
        this.#inputs.delete(id);
        input.end();
        this.sendReset(id, cancelled);
      },
    };
  }

  endInput(id: number): void {
    this.#inputs.get(id)?.end();
  }

  sendReset(id: number, status: number): void {
    void this.#send(controlFrame(frameType.reset, 0, Buffer.concat([number(id), number(status)])));
  }

  /** Sends a frame with a header block. */
  control(type: number, id: number, headers: Map<string, string>, between = Buffer.alloc(0)): Promise<void> {
    const sent = this.#headersSent.then(async () => {
      if (this.#socket.destroyed) return;
      const block = await this.#encoder.encode(headers);
      await this.#send(controlFrame(type, 0, Buffer.concat([number(id), between, block])));
    });
    this.#headersSent = sent;
    return sent;
  }

  read(head: Uint8Array, log: Logger): void {
    const all = async () => {
      await this.#take(head);
      for await (const bytes of this.#socket as AsyncIterable<Uint8Array>) await this.#take(bytes);
    };
    this.#socket.on("error", () => this.#socket.destroy());
    all()
      .catch((error) => {
        if (!this.#socket.destroyed) log.debug("a SPDY connection broke", { error });
      })
      .finally(() => this.#socket.destroy());
  }

  async *#readInput(input: Queue<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const data of input) {
      yield data;
      this.#taken.resolve();
    }
  }

  async #take(bytes: Uint8Array): Promise<void> {
    for (const frame of this.#parser.push(bytes)) {
      if (frame.kind === "control") {
        await this.#takeControl(frame.type, frame.flags, frame.data);
        continue;
      }
      const input = this.#inputs.get(frame.stream);
      if (frame.data.length > 0) input?.push(Buffer.from(frame.data));
      if (frame.fin) input?.end();
      while (input && input.size > this.#limit && !this.#socket.destroyed) {
        this.#taken = Promise.withResolvers<void>();
        await this.#taken.promise;
      }
    }
  }

  async #takeControl(type: number, flags: number, data: Buffer): Promise<void> {
    if (type === frameType.synStream) {
      const id = data.readUInt32BE(0) & 0x7fffffff;
      const headers = await this.#decoder.decode(data.subarray(10));
      await this.onOpen?.(id, headers, (flags & finFlag) !== 0);
    } else if (type === frameType.synReply) {
      await this.#decoder.decode(data.subarray(4));
      if ((flags & finFlag) !== 0) this.endInput(data.readUInt32BE(0) & 0x7fffffff);
    } else if (type === frameType.headers) await this.#decoder.decode(data.subarray(4));
    else if (type === frameType.ping) await this.#send(controlFrame(frameType.ping, 0, data));
    else if (type === frameType.goAway) this.#socket.end();
    else if (type === frameType.reset) {
      const id = data.readUInt32BE(0) & 0x7fffffff;
      this.#inputs.get(id)?.end();
      this.#inputs.delete(id);
    }
  }

  #send(bytes: Buffer): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded) return Promise.resolve();
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()));
  }
}
