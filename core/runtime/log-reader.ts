// Reads what LogFile wrote, across rotated files, and follows it.
import { close as closeFd, existsSync, fstatSync, openSync, read as readFd, statSync, watch } from "node:fs";
import { promisify } from "node:util";
import { aborted } from "@capstan/base/async";
import type { LogStream } from "./log-file.ts";

export interface LogEntry {
  /** RFC 3339 in UTC, with all nine digits of nanoseconds: times compare as text. */
  time: string;
  stream: LogStream;
  /** With its newline, unless the line goes on in the next entry. */
  text: Buffer;
}

export interface ReadLogOptions {
  follow?: boolean;
  /** Ends a follower when it resolves, after what is in the file by then. */
  ended?: Promise<unknown>;
  signal?: AbortSignal;
}

const read = promisify(readFd);
const close = promisify(closeFd);

/** Entries from the oldest file that is kept. A line that is not in the format is skipped. */
export async function* readLog(path: string, options: ReadLogOptions = {}): AsyncIterable<LogEntry> {
  for (const file of rotated(path)) yield* readFile(file);
  yield* followFile(path, options);
}

/** Older files, oldest first. */
function rotated(path: string): string[] {
  const found: string[] = [];
  for (let number = 1; existsSync(`${path}.${number}`); number++) found.unshift(`${path}.${number}`);
  return found;
}

async function* readFile(path: string): AsyncIterable<LogEntry> {
  const fd = openSync(path, "r");
  try {
    yield* drain(fd, { offset: 0, rest: Buffer.alloc(0) });
  } finally {
    await close(fd);
  }
}

interface Position {
  offset: number;
  rest: Buffer;
}

async function* drain(fd: number, position: Position): AsyncIterable<LogEntry> {
  const buffer = Buffer.alloc(64 * 1024);
  for (;;) {
    const { bytesRead } = await read(fd, buffer, 0, buffer.length, position.offset);
    if (bytesRead === 0) return;
    position.offset += bytesRead;
    let data = Buffer.concat([position.rest, buffer.subarray(0, bytesRead)]);
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      const entry = parseLine(data.subarray(0, end));
      if (entry) yield entry;
      data = data.subarray(end + 1);
    }
    position.rest = Buffer.from(data);
  }
}

export function parseLine(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(32);
  const second = line.indexOf(32, first + 1);
  const third = line.indexOf(32, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString("latin1", first + 1, second);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const text = line.subarray(third + 1);
  const whole = line.toString("latin1", second + 1, third) === "F";
  return {
    time: fixedTime(line.toString("latin1", 0, first)),
    stream,
    text: whole ? Buffer.concat([text, newline]) : Buffer.from(text),
  };
}

/** Other runtimes leave out zeros at the end and may write a zone's offset. */
function fixedTime(written: string): string {
  if (written.length === fixedLength && written.endsWith("Z")) return written;
  const [, time = "", digits = "", zone = ""] = /^(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(written) ?? [];
  const second = new Date(`${time}${zone}`);
  if (Number.isNaN(second.getTime())) return written;
  return `${second.toISOString().slice(0, 19)}.${digits.padEnd(9, "0")}Z`;
}

const fixedLength = "2006-01-02T15:04:05.000000000Z".length;
const newline = Buffer.from("\n");

async function* followFile(path: string, options: ReadLogOptions): AsyncIterable<LogEntry> {
  if (!existsSync(path)) return;
  const { follow = false, signal, ended } = options;
  let over = !follow || signal?.aborted === true;
  let wake = Promise.withResolvers<void>();
  const poke = () => wake.resolve();
  // Watched before it is read, so that no change is missed in between.
  const watcher = follow ? watch(path, poke) : undefined;
  const stop = () => {
    over = true;
    poke();
  };
  if (ended) void ended.then(stop, stop);
  if (signal) void aborted(signal).then(stop);
  let fd = openSync(path, "r");
  let position: Position = { offset: 0, rest: Buffer.alloc(0) };
  try {
    for (;;) {
      wake = Promise.withResolvers<void>();
      const last = over;
      yield* drain(fd, position);
      const inode = fstatSync(fd).ino;
      const now = statSync(path, { throwIfNoEntry: false });
      if (now && now.ino !== inode) {
        // It was rotated: the rest of the old file has just been read.
        await close(fd);
        yield* followFile(path, options);
        fd = -1;
        return;
      }
      if (last || signal?.aborted) return;
      await wake.promise;
    }
  } finally {
    watcher?.close();
    position = { offset: 0, rest: Buffer.alloc(0) };
    if (fd >= 0) await close(fd);
  }
}
