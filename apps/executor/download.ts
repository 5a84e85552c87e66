import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";

/** Largest download, bytes. */
const downloadLimit = 64 * 2 ** 30;

/** @throws Error with the server's answer when it is not a success. */
export async function download(
  { url, headers = [] }: { url: string; headers?: { name: string; value: string }[] },
  host: string,
  signal: AbortSignal,
): Promise<void> {
  if (!/^https?:\/\//.test(url)) throw new Error(`${JSON.stringify(url)} is no http or https address`);
  const response = await fetch(url, {
    headers: headers.map(({ name, value }): [string, string] => [name, value]),
    signal,
  });
  if (!response.ok || !response.body) throw new Error(`${url} answers ${response.status} ${response.statusText}`);
  let size = 0;
  const bounded = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > downloadLimit) throw new Error(`${url} gives more than ${downloadLimit} bytes (limit download)`);
      yield chunk;
    }
  };
  await pipeline(Readable.fromWeb(response.body as ReadableStream), bounded, createWriteStream(host));
}
