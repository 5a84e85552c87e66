import type { KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { text } from "node:stream/consumers";
import { isEncrypted, PassphraseError, readKey } from "@capstan/core/pki/x509";
import { askSecret } from "../secret-prompt.ts";

/** Bytes of a file that is read whole. */
const fileLimit = 4 * 1024 * 1024;
const tries = 3;

/** A file's text, or the standard input's for `-`. */
export async function readInput(path: string): Promise<string> {
  if (path === "-") return text(process.stdin);
  if (statSync(path).size > fileLimit) throw new Error(`${path}: it is larger than fileLimit (${fileLimit} bytes)`);
  return readFileSync(path, "utf8");
}

/** A passphrase from a file that nobody else can read or write. */
export function readPassphraseFile(path: string): string {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o377) !== 0) {
    throw new Error(`${path}: its mode is ${mode.toString(8)}, and must be 400: chmod 400 ${path}`);
  }
  return readFileSync(path, "utf8").replace(/\r?\n$/, "");
}

/** A private key; for an encrypted one the passphrase is asked for, three times at most. */
export async function openKey(path: string, passphraseFile: string | undefined): Promise<KeyObject> {
  const pem = await readInput(path);
  if (!isEncrypted(pem)) return named(path, () => readKey(pem));
  if (passphraseFile) return named(path, () => readKey(pem, readPassphraseFile(passphraseFile)));
  for (let left = tries; left > 0; left--) {
    const passphrase = await askSecret(`Passphrase of ${path}: `);
    try {
      return readKey(pem, passphrase);
    } catch (error) {
      if (!(error instanceof PassphraseError)) throw error;
      process.stderr.write(left > 1 ? "That does not open it.\n" : "");
    }
  }
  throw new Error(`${path}: ${tries} wrong passphrases`);
}

function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
