import type { Duplex } from "node:stream";
import type { HttpResponse } from "@capstan/base/http";

/** Writes an ordinary answer on the raw socket of a request that asked to change protocol, and ends it. */
export function writeRaw(socket: Duplex, { status, headers, body }: HttpResponse): void {
  const bytes = typeof body === "string" ? Buffer.from(body) : body instanceof Uint8Array ? body : Buffer.alloc(0);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${status} ${status < 400 ? "OK" : "Refused"}`, ...lines, `content-length: ${bytes.length}`];
  socket.write(`${head.join("\r\n")}\r\nconnection: close\r\n\r\n`);
  socket.end(bytes);
}

/** Writes the answer that changes the protocol. @param rawHeaders names and values by turns, as Node gives them. */
export function writeSwitch(socket: Duplex, rawHeaders: string[]): void {
  const lines: string[] = ["HTTP/1.1 101 Switching Protocols"];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Copies both ways, byte by byte. Resolves when both sockets are closed: when one closes, the other gets the rest first. */
export async function joinSockets(one: Duplex, other: Duplex): Promise<void> {
  await Promise.all([copy(one, other), copy(other, one)]);
}

function copy(from: Duplex, to: Duplex): Promise<void> {
  from.pipe(to);
  return new Promise((resolve) => {
    const over = () => {
      if (to.writableFinished) to.destroy();
      else to.end(() => to.destroy());
      resolve();
    };
    if (from.closed) over();
    else from.once("close", over);
    // A broken connection closes: that is all there is to do about it.
    from.on("error", () => from.destroy());
  });
}
