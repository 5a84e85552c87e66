export type Level = "debug" | "info" | "warn" | "error";

/** One line of log. `fields` never hold secrets. */
export interface LogRecord {
  time: string;
  level: Level;
  message: string;
  fields: Record<string, unknown>;
}

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A logger that adds these fields to every record. */
  with(fields: Record<string, unknown>): Logger;
}

const rank: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** @param write receives every record at `least` or above. */
export function createLogger(write: (record: LogRecord) => void, least: Level = "info"): Logger {
  const make = (bound: Record<string, unknown>): Logger => {
    const at =
      (level: Level) =>
      (message: string, fields: Record<string, unknown> = {}) => {
        if (rank[level] < rank[least]) return;
        write({ time: new Date().toISOString(), level, message, fields: plain({ ...bound, ...fields }) });
      };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => make({ ...bound, ...fields }),
    };
  };
  return make({});
}

/** Errors become their messages, so that a record is always JSON. */
function plain(fields: Record<string, unknown>): Record<string, unknown> {
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Error) fields[key] = value.message;
  }
  return fields;
}

/** Drops everything. */
export const silent: Logger = createLogger(() => {});
