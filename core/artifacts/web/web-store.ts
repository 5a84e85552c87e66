// A store whose keys are addresses: GET hands out, PUT keeps.
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { lstat, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type ArtifactStore, type Source, StoreError, unable } from "../store.ts";
import { request, type WebRequest } from "./request.ts";

export interface WebStoreOptions extends Pick<WebRequest, "store" | "tls" | "signal" | "guard"> {
  /** Sent with every request; asked for each time, since tokens end. */
  headers(): Promise<Record<string, string>>;
  canDelete: boolean;
}

/** Largest download, bytes. */
const downloadLimit = 64 * 2 ** 30;

export function createWebStore({ store, tls, signal, guard, headers, canDelete }: WebStoreOptions): ArtifactStore {
  const ask = async (url: string, more: Partial<WebRequest> = {}) =>
    request(url, {
      store,
      guard,
      signal,
      ...(tls ? { tls } : {}),
      ...more,
      headers: { ...(await headers()), ...more.headers },
    });
  const read = async function* (url: string) {
    const answer = await ask(url);
    const expected = Number(answer.headers["content-length"] ?? Number.NaN);
    let size = 0;
    for await (const chunk of answer) {
      size += (chunk as Buffer).length;
      if (size > downloadLimit) throw new StoreError(`${store}: more than ${downloadLimit} bytes (limit download)`);
      yield chunk as Buffer;
    }
    if (!Number.isNaN(expected) && size < expected)
      throw new StoreError(`${store}: the answer broke off after ${size} of ${expected} bytes`, { passing: true });
  };
  return {
    async stat(url) {
      const answer = await ask(url, { method: "HEAD", expect: [404, 410] });
      answer.resume();
      if (answer.statusCode === 404 || answer.statusCode === 410) return undefined;
      const size = answer.headers["content-length"];
      return { kind: "file", ...(size === undefined ? {} : { size: Number(size) }) };
    },
    // biome-ignore lint/correctness/useYield: it only refuses.
    async *list() {
      unable(store, "listed");
    },
    stream: read,
    async load(url, host) {
      try {
        await pipeline(Readable.from(read(url)), createWriteStream(host, { flags: "wx" }), { signal });
        return true;
      } catch (error) {
        if (error instanceof StoreError && error.missing) return false;
        throw error;
      }
    },
    save: (url, source) =>
      withFile(store, source, async (host, size) => {
        const body = () => createReadStream(host) as AsyncIterable<Uint8Array>;
        const answer = await ask(url, { method: "PUT", body, headers: { "content-length": String(size) } });
        answer.resume();
      }),
    async delete(url) {
      if (!canDelete) unable(store, "deleted");
      (await ask(url, { method: "DELETE", expect: [404, 410] })).resume();
    },
  };
}

/** Many servers want the length first: bytes become a temporary file, which is gone when the work ends. */
async function withFile(
  store: string,
  source: Source,
  work: (host: string, size: number) => Promise<void>,
): Promise<void> {
  if ("host" in source) {
    const found = await lstat(source.host);
    if (!found.isFile())
      throw new StoreError(`${store}: a directory cannot be saved as it is; set archive to tar or zip`);
    return work(source.host, found.size);
  }
  const host = join(tmpdir(), `capstan-upload-${randomUUID()}`);
  try {
    await pipeline(Readable.from(source.bytes()), createWriteStream(host, { flags: "wx", mode: 0o600 }));
    await work(host, (await lstat(host)).size);
  } finally {
    await rm(host, { force: true });
  }
}
