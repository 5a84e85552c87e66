const newline = 10;
const mostBytes = 64 * 2 ** 20;

/** Splits a byte stream at newlines as it comes; the last line needs none. A line has at most 64 MiB. */
export async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const piece = chunk.subarray(start, end);
      start = end + 1;
      const line = held.length === 0 ? decoder.decode(piece) : decoder.decode(join([...held, piece]));
      held = [];
      size = 0;
      if (line !== "") yield line;
    }
    if (start === chunk.length) continue;
    size += chunk.length - start;
    if (size > mostBytes) throw new RangeError(`a line of the stream has more than ${mostBytes} bytes`);
    held.push(chunk.subarray(start));
  }
  const rest = decoder.decode(join(held));
  if (rest !== "") yield rest;
}

function join(pieces: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Any body as a stream of bytes. */
export async function* bytesOf(body: Uint8Array | string | AsyncIterable<Uint8Array> | undefined) {
  if (body === undefined) return;
  if (typeof body === "string") yield new TextEncoder().encode(body);
  else if (body instanceof Uint8Array) yield body;
  else yield* body;
}
