import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { createLogger, type Level, type Logger } from "@capstan/base/log";

/** A log file is renamed to `.1` when it has grown to this many bytes. */
const limit = 16 * 1024 * 1024;

/** A logger that writes JSON lines to a file; of two files at most the older is lost. */
export function openLogFile(file: string, least: Level): Logger {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let fd = openSync(file, "a", 0o600);
  let size = statSync(file).size;
  return createLogger(({ fields, ...record }) => {
    const line = `${JSON.stringify({ ...record, ...fields })}\n`;
    if (size > limit) {
      closeSync(fd);
      renameSync(file, `${file}.1`);
      fd = openSync(file, "a", 0o600);
      size = 0;
    }
    size += writeSync(fd, line);
  }, least);
}
