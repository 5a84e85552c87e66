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

// Streams that a client may have open: one forwarded connection takes two.
const streamLimit = 2000;
// What data frames carry at most.
const pieceLimit = 32 * 1024;

/** The server's side of SPDY/3.1 on a raw connection. Kubernetes' clients use no flow control: there is none. */
export function openSpdySession(socket: Duplex, head: Uint8Array, log: Logger): SpdySession {
  const streams = createQueue<SpdyStream>();
  const inputs = new Map<number, Queue<Uint8Array>>();
  const encoder = new HeaderEncoder();
  const decoder = new HeaderDecoder();
  const parser = new FrameParser();
  const send = (bytes: Buffer): Promise<void> => {
    if (socket.destroyed || socket.writableEnded) return Promise.resolve();
    return new Promise((resolve) => socket.write(bytes, () => resolve()));
  };
  const closed = new Promise<void>((resolve) => {
    const over = () => {
      streams.end();
      for (const input of inputs.values()) input.end();
      encoder.close();
      decoder.close();
      resolve();
    };
    if (socket.destroyed) over();
    else socket.once("close", over);
  });

  const open = async (data: Buffer, fin: boolean) => {
    const id = data.readUInt32BE(0) & 0x7fffffff;
    const headers = await decoder.decode(data.subarray(10));
    if (inputs.size >= streamLimit)
      return void send(controlFrame(frameType.reset, 0, Buffer.concat([number(id), number(3)])));
    const input = createQueue<Uint8Array>();
    inputs.set(id, input);
    if (fin) input.end();
    await send(controlFrame(frameType.synReply, 0, Buffer.concat([number(id), await encoder.encode(new Map())])));
    streams.push({
      id,
      headers,
      [Symbol.asyncIterator]: () => input[Symbol.asyncIterator](),
      async write(bytes) {
        for (let at = 0; at < bytes.length; at += pieceLimit)
          await send(dataFrame(id, bytes.subarray(at, at + pieceLimit), false));
      },
      end: () => send(dataFrame(id, new Uint8Array(0), true)),
      reset() {
        inputs.delete(id);
        input.end();
        // CANCEL
        void send(controlFrame(frameType.reset, 0, Buffer.concat([number(id), number(5)])));
      },
    });
  };

  const control = async (type: number, flags: number, data: Buffer) => {
    if (type === frameType.synStream) await open(data, (flags & finFlag) !== 0);
    else if (type === frameType.headers) await decoder.decode(data.subarray(4));
    else if (type === frameType.ping) await send(controlFrame(frameType.ping, 0, data));
    else if (type === frameType.goAway) socket.end();
    else if (type === frameType.reset) {
      const id = data.readUInt32BE(0) & 0x7fffffff;
      inputs.get(id)?.end();
      inputs.delete(id);
    }
  };

  const read = async () => {
    const take = async (bytes: Uint8Array) => {
      for (const frame of parser.push(bytes)) {
        if (frame.kind === "control") await control(frame.type, frame.flags, frame.data);
        else {
          const input = inputs.get(frame.stream);
          if (frame.data.length > 0) input?.push(Buffer.from(frame.data));
          if (frame.fin) input?.end();
        }
      }
    };
    await take(head);
    for await (const bytes of socket as AsyncIterable<Uint8Array>) await take(bytes);
  };
  socket.on("error", () => socket.destroy());
  read()
    .catch((error) => {
      if (!socket.destroyed) log.debug("a SPDY connection broke", { error });
    })
    .finally(() => socket.destroy());
  return { streams, closed, close: () => void socket.end() };
}
