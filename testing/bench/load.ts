// A client that costs little itself: requests are bytes, answers are read to their end and not looked into.
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

export interface LoadTarget {
  url: string;
  /** PEM, for https. */
  ca?: string;
  cert?: string;
  key?: string;
}

/** One kept connection. */
export interface Connection {
  /** Sends a request; resolves to the answer's status when its body has ended. Rejects when the connection breaks. */
  ask(request: Uint8Array): Promise<number>;
  /** Sends a request whose answer does not end; `each` is called for each line of its body as it ends. */
  listen(request: Uint8Array, each: () => void): void;
  close(): void;
}

/** The bytes of a request. */
export function requestOf(method: string, path: string, body?: object, type = "application/json"): Uint8Array {
  const text = body ? JSON.stringify(body) : "";
  const entity = body ? `content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n` : "";
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: bench\r\nuser-agent: bench\r\n${entity}\r\n${text}`);
}

export async function openConnection({ url, ...tls }: LoadTarget): Promise<Connection> {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === "https:";
  const at = { host: hostname, port: Number(port) };
  const socket = secure ? connectTls({ ...at, ...tls }) : connect(at);
  await once(socket, secure ? "secureConnect" : "connect");
  socket.setNoDelay(true);
  let hear: (chunk: Buffer) => void = () => {};
  let fail: (error: Error) => void = () => {};
  socket.on("data", (chunk: Buffer) => hear(chunk));
  socket.on("error", (error) => fail(error));
  socket.on("close", () => fail(new Error("the server closed the connection")));
  return {
    ask(request) {
      return new Promise((resolve, reject) => {
        const reader = createAnswerReader();
        fail = reject;
        hear = (chunk) => {
          const status = reader(chunk);
          if (status !== undefined) resolve(status);
        };
        socket.write(request);
      });
    },
    listen(request, each) {
      // Bodies come in chunks that end with a line's end, each before the chunk's own.
      hear = (chunk) => {
        for (let at = chunk.indexOf(lineEnd); at >= 0; at = chunk.indexOf(lineEnd, at + 1)) each();
      };
      socket.write(request);
    },
    close: () => void socket.destroy(),
  };
}

/** Where a watch's line ends, and with it a chunk: a client must see it to know the event. */
const lineEnd = Buffer.from("}\n\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

/** Takes an answer's chunks; gives its status with the last one. */
function createAnswerReader(): (chunk: Buffer) => number | undefined {
  let head: Buffer | undefined = Buffer.alloc(0);
  let status = 0;
  /** Bytes of the body that are still to come; undefined: it comes in chunks. */
  let left: number | undefined;
  return (chunk) => {
    let body = chunk;
    if (head) {
      const all: Buffer = head.length > 0 ? Buffer.concat([head, chunk]) : chunk;
      const end = all.indexOf("\r\n\r\n");
      if (end < 0) {
        head = all;
        return undefined;
      }
      const text = all.toString("latin1", 0, end);
      status = Number(text.slice(9, 12));
      const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
      left = length === undefined ? undefined : Number(length);
      head = undefined;
      body = all.subarray(end + 4);
    }
    if (left === undefined) return body.subarray(-lastChunk.length).equals(lastChunk) ? status : undefined;
    left -= body.length;
    return left <= 0 ? status : undefined;
  };
}
