import { parseLabelSelector } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { RecordsSettings } from "../platform/settings.ts";
import { UsageError } from "./usage.ts";

/** What the platform, or an operator of a cluster, remembers in tables. */
export const recordsFlags = {
  database: { type: "string" },
  "no-archive": { type: "boolean", default: false },
  "archive-ttl": { type: "string" },
  "archive-label-selector": { type: "string" },
} as const;

interface Values {
  database?: string | undefined;
  "no-archive": boolean;
  "archive-ttl"?: string | undefined;
  "archive-label-selector"?: string | undefined;
}

/** @throws UsageError */
export function readRecordsFlags(command: string, values: Values): RecordsSettings {
  const { database, "archive-ttl": ttl, "archive-label-selector": selector } = values;
  const url = database === undefined ? undefined : readDatabaseUrl(command, database);
  if (values["no-archive"]) {
    if (ttl !== undefined || selector !== undefined)
      throw new UsageError(command, "--no-archive leaves nothing for --archive-ttl and --archive-label-selector");
    return { url };
  }
  return {
    url,
    archive: {
      ...(ttl === undefined ? {} : { ttl: readAge(command, ttl) }),
      ...(selector === undefined ? {} : { selector: readSelector(command, selector) }),
    },
  };
}

/** @throws UsageError of a command */
export function readDatabaseUrl(command: string, text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : "";
  if (protocol === "postgres:" || protocol === "postgresql:") return text;
  throw new UsageError(command, "--database takes a URL such as postgres://capstan@db.example/capstan");
}

const units: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 24 * 3_600_000 };

/** Milliseconds of `30d`. */
function readAge(command: string, text: string): number {
  const [, number = "", unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const age = Number(number) * (units[unit] ?? 0);
  if (age > 0) return age;
  throw new UsageError(command, `--archive-ttl takes a time such as 30d, 12h, 15m or 90s, not "${text}"`);
}

function readSelector(command: string, text: string) {
  try {
    return parseLabelSelector(text);
  } catch (error) {
    throw new UsageError(command, `--archive-label-selector: ${messageOf(error)}`);
  }
}
