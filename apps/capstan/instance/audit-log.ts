// The audit log's file, and the policy that says what goes into it.
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf } from "@capstan/base/errors";
import { type AuditEvent, type AuditPolicy, parseAuditPolicy, recordMetadata } from "@capstan/cluster/apiserver/audit";

export interface AuditLogOptions {
  /** Bytes at which the file gets a successor. Default 100 MiB, as kube-apiserver's --audit-log-maxsize. */
  limit?: number;
  /** Older files kept: FILE.1 is the newest of them. Default 9. */
  kept?: number;
  /** Called when events are lost because the file cannot be written; again only after it could be. */
  failed?(error: unknown): void;
}

/**
 * Appends events to a file (mode 0600), each a line of JSON that is with the operating system before the function
 * returns. Throws when the file cannot be opened.
 */
export function openAuditLog(file: string, options: AuditLogOptions = {}): (event: AuditEvent) => void {
  const { limit = 100 * 2 ** 20, kept = 9, failed = complain(file) } = options;
  const path = resolve(file);
  let fd = open(path, file);
  let size = fstatSync(fd).size;
  let isFailing = false;
  const write = (line: Buffer) => {
    if (size > 0 && size + line.length > limit) {
      succeed(path, kept);
      const next = open(path, file);
      closeSync(fd);
      [fd, size] = [next, 0];
    }
    for (let at = 0; at < line.length; ) at += writeSync(fd, line, at);
    size += line.length;
  };
  return (event) => {
    try {
      // What a failed write left of a line ends first.
      write(Buffer.from(`${isFailing ? "\n" : ""}${JSON.stringify(event)}\n`));
      isFailing = false;
    } catch (error) {
      if (!isFailing) failed(error);
      isFailing = true;
    }
  };
}

/** FILE becomes FILE.1, FILE.1 becomes FILE.2; the last is lost. */
function succeed(path: string, kept: number): void {
  const names = [path, ...Array.from({ length: kept }, (_, n) => `${path}.${n + 1}`)];
  for (let n = kept; n > 0; n--) {
    const [from = "", to = ""] = [names[n - 1], names[n]];
    if (existsSync(from)) renameSync(from, to);
  }
}

function open(path: string, given: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, "a", 0o600);
  } catch (error) {
    throw new Error(`--audit-log ${given}: ${messageOf(error)}`, { cause: error });
  }
}

const complain = (file: string) => (error: unknown) =>
  process.stderr.write(`capstan: audit events are lost: ${file}: ${messageOf(error)}\n`);

/** Reads --audit-policy. Errors name the file and the field. */
export async function readAuditPolicy(file: string | undefined): Promise<AuditPolicy> {
  if (file === undefined) return recordMetadata;
  const { parse } = await import("yaml");
  try {
    return parseAuditPolicy(parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new Error(`--audit-policy ${file}: ${messageOf(error)}`, { cause: error });
  }
}
