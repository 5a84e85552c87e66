// Which certificates are revoked: a file of lines, one for each, that only grows.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync, truncateSync, writeSync } from "node:fs";
import { nearest } from "@capstan/base/errors";

export interface Revocation {
  /** Decimal. */
  serial: string;
  /** Identifier of the authority's key, hexadecimal in lower case; absent: any. */
  aki?: string;
  reason: Reason;
  /** RFC 3339. */
  at: string;
}

/** Bytes of the file. */
const ledgerLimit = 256 * 1024 * 1024;

/** CRLReason by cfssl's and RFC 5280's names. */
export const reasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type Reason = keyof typeof reasons;

/** By its name, whatever its case, or its number. @throws with the nearest name */
export function parseReason(text: string): Reason {
  const names = Object.keys(reasons) as Reason[];
  const found = names.find((name) => name.toLowerCase() === text.toLowerCase() || String(reasons[name]) === text);
  if (found) return found;
  const meant = nearest(text, names);
  throw new Error(
    `"${text}" is no reason of a revocation${meant ? `; do you mean ${meant}?` : `: ${names.join(", ")}`}`,
  );
}

/** @throws naming the line that is damaged. A last line without its end was never acknowledged, and is left out. */
export function readLedger(path: string): Revocation[] {
  if (!existsSync(path)) return [];
  if (statSync(path).size > ledgerLimit)
    throw new Error(`${path}: it is larger than ledgerLimit (${ledgerLimit} bytes)`);
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line, index) => {
    const read = parse(line);
    if (!read || !/^\d+$/.test(read.serial) || !Object.hasOwn(reasons, read.reason)) {
      throw new Error(`${path}: line ${index + 1} is no revocation`);
    }
    return read;
  });
}

function parse(line: string): Revocation | undefined {
  try {
    const read: unknown = JSON.parse(line);
    return typeof read === "object" && read !== null ? (read as Revocation) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** It is on disk when this returns. A certificate that is revoked already stays as it was. @returns whether it is new */
export function revoke(path: string, revocation: Revocation): boolean {
  const known = readLedger(path);
  if (known.some(({ serial, aki }) => serial === revocation.serial && aki === revocation.aki)) return false;
  cutUnfinished(path);
  const file = openSync(path, "a", 0o644);
  try {
    writeSync(file, `${JSON.stringify(revocation)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return true;
}

/** What a killed process wrote of a line goes: the next line would become a part of it. */
function cutUnfinished(path: string): void {
  if (!existsSync(path)) return;
  const bytes = readFileSync(path);
  const whole = bytes.lastIndexOf(10) + 1;
  if (whole < bytes.length) truncateSync(path, whole);
}

/** A serial as hexadecimal, of whole bytes. */
export function hexOf(serial: string): string {
  const text = BigInt(serial).toString(16);
  return text.length % 2 === 0 ? text : `0${text}`;
}
