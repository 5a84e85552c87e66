// Structured logs: a Logger is passed down, never imported as a singleton.
export { createLogger, type Level, type Logger, type LogRecord, silent } from "./logger.ts";
