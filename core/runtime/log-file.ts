// Output of a container in CRI's log format: `<RFC 3339 with nanoseconds> stdout F text`.
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export interface LogLimits {
  /** Bytes of a file before the next one is begun. */
  maxBytes: number;
  /** Files kept, the present one included. */
  files: number;
}

// The kubelet's defaults: containerLogMaxSize and containerLogMaxFiles.
export const logLimits: LogLimits = { maxBytes: 10 * 1024 * 1024, files: 5 };

// Longer lines are written in parts marked P, as containerd does.
const lineLimit = 16 * 1024;

const epoch = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** Now, as RFC 3339 with nine digits; never goes back within a process. */
export function logTime(): string {
  const now = epoch + process.hrtime.bigint();
  const millis = new Date(Number(now / 1_000_000n)).toISOString();
  return `${millis.slice(0, -1)}${String(now % 1_000_000n).padStart(6, "0")}Z`;
}

export type LogStream = "stdout" | "stderr";

/** Appends at once: what was written is in the file when write returns. */
export class LogFile {
  readonly #path: string;
  readonly #limits: LogLimits;
  #fd: number;
  #size: number;
  readonly #rest = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

  constructor(path: string, limits: LogLimits = logLimits) {
    this.#path = path;
    this.#limits = limits;
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    this.#fd = openSync(path, "a", 0o640);
    this.#size = fstatSync(this.#fd).size;
  }

  write(stream: LogStream, chunk: Buffer): void {
    const rest = this.#rest[stream];
    const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const time = logTime();
    const lines: Buffer[] = [];
    let start = 0;
    for (;;) {
      const end = data.indexOf(10, start);
      const stop = end < 0 ? data.length : end;
      while (stop - start > lineLimit) {
        lines.push(Buffer.from(`${time} ${stream} P `), data.subarray(start, start + lineLimit), newline);
        start += lineLimit;
      }
      if (end < 0) break;
      lines.push(Buffer.from(`${time} ${stream} F `), data.subarray(start, end), newline);
      start = end + 1;
    }
    this.#rest[stream] = Buffer.from(data.subarray(start));
    if (lines.length > 0) this.#append(Buffer.concat(lines));
  }

  /** Ends both streams; a last line without its end is written as it is. */
  close(): void {
    if (this.#fd < 0) return;
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = this.#rest[stream];
      if (rest.length > 0) this.#append(Buffer.concat([Buffer.from(`${logTime()} ${stream} P `), rest, newline]));
    }
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #append(data: Buffer): void {
    if (this.#fd < 0) return;
    if (this.#size > 0 && this.#size + data.length > this.#limits.maxBytes) this.#rotate();
    let done = 0;
    while (done < data.length) done += writeSync(this.#fd, data, done);
    this.#size += data.length;
  }

  #rotate(): void {
    closeSync(this.#fd);
    rotateLog(this.#path, this.#limits.files);
    this.#fd = openSync(this.#path, "a", 0o640);
    this.#size = 0;
  }
}

/** Makes room for a new file at the path, which is there and empty when this returns. */
export function rotateLog(path: string, files: number): void {
  rmSync(`${path}.${files - 1}`, { force: true });
  for (let number = files - 2; number >= 0; number--) {
    const from = number === 0 ? path : `${path}.${number}`;
    try {
      renameSync(from, `${path}.${number + 1}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  closeSync(openSync(path, "a", 0o640));
}

const newline = Buffer.from("\n");
