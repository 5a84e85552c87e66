// Bodies as text.
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf } from "@capstan/base/errors";
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import { ServingError } from "../serving/errors.ts";

const unzip = promisify(gunzip);
/** Largest body after decompression, bytes. */
export const maxInflatedBytes = 256 * 1024 * 1024;

/** The request's body, unzipped where it says so. */
export async function textOf({ body, headers }: HttpRequest): Promise<string> {
  const encoding = headers["content-encoding"] ?? "identity";
  const bytes = body ?? new Uint8Array();
  if (/^identity$/i.test(encoding)) return decodeText(bytes);
  if (!/^(x-)?gzip$/i.test(encoding)) {
    throw new ServingError("INVALID_ARGUMENT", `content-encoding ${encoding}: gzip and identity are supported`, 415);
  }
  const plain = await unzip(bytes, { maxOutputLength: maxInflatedBytes }).catch((error) => {
    const large = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    const problem = large ? `larger than maxInflatedBytes (${maxInflatedBytes})` : messageOf(error);
    throw new ServingError("INVALID_ARGUMENT", `the gzip body: ${problem}`, large ? 413 : 400);
  });
  return decodeText(plain);
}

function decodeText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** A model's name from a path. */
export function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new ServingError("INVALID_ARGUMENT", `Malformed request: "${name}" is not URL-encoded`);
  }
}

export function answer(body: string, status = 200): HttpResponse {
  return { status, headers: { "content-type": "application/json" }, body };
}

/** The body that all errors of both protocols have. */
export function errorAnswer(thrown: unknown): HttpResponse {
  const error = ServingError.from(thrown);
  return answer(JSON.stringify({ error: error.message }), error.status);
}
