import { existsSync } from "node:fs";
import { StatusError } from "@capstan/api/meta";
import { type LogEntry, readLog } from "@capstan/core/runtime";
import type { ContainerView } from "../pods/views.ts";
import type { PodWorker } from "../pods/worker.ts";
import type { NodeServerOptions } from "./server.ts";

export interface LogsRequest {
  options: NodeServerOptions;
  worker: PodWorker;
  view: ContainerView;
  query: URLSearchParams;
  signal: AbortSignal;
}

interface LogOptions {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines: number | undefined;
  limitBytes: number | undefined;
  /** RFC 3339: entries before are left out. */
  since: string | undefined;
  stream: "stdout" | "stderr" | undefined;
}

/** The bytes that PodLogOptions ask for. Throws BadRequest for a container that has no log yet. */
export async function containerLogs({
  options,
  worker,
  view,
  query,
  signal,
}: LogsRequest): Promise<AsyncIterable<Uint8Array>> {
  const wanted = read(query);
  const { name } = view.spec;
  const { metadata } = worker.pod;
  const run =
    view.runs[wanted.previous ? 1 : 0] ??
    (wanted.previous && view.runs[0]?.state === "exited" ? view.runs[0] : undefined);
  if (wanted.previous && !run) {
    throw new StatusError("BadRequest", `previous terminated container "${name}" in pod "${metadata.name}" not found`);
  }
  if (!run?.startedAt) {
    const reason = view.waiting?.reason ?? "ContainerCreating";
    const message = `container "${name}" in pod "${metadata.name}" is waiting to start: ${reason}`;
    throw new StatusError("BadRequest", message);
  }
  const ended = new Promise<void>((resolve) => {
    const over = () => ["exited", undefined].includes(stateOf(options, run.id));
    if (over()) return resolve();
    const stop = options.runtime.onEvent(({ containerId }) => {
      if (containerId !== run.id || !over()) return;
      stop();
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
  const path = run.config.logPath;
  if (!existsSync(path)) return (async function* () {})();
  return write(readLog(path, { follow: wanted.follow, ended, signal }), wanted, path);
}

function stateOf({ runtime }: NodeServerOptions, id: string) {
  return runtime.listContainers().find((one) => one.id === id)?.state;
}

function read(query: URLSearchParams): LogOptions {
  const number = (name: string) => {
    const text = query.get(name);
    if (text === null || text === "") return undefined;
    if (!/^\d+$/.test(text)) throw new StatusError("BadRequest", `${name}: "${text}" must be a number of at least 0`);
    return Number(text);
  };
  const seconds = number("sinceSeconds");
  const at = query.get("sinceTime");
  const stream = query.get("stream")?.toLowerCase();
  return {
    follow: query.get("follow") === "true",
    previous: query.get("previous") === "true",
    timestamps: query.get("timestamps") === "true",
    tailLines: number("tailLines"),
    limitBytes: number("limitBytes"),
    since: seconds === undefined ? (at ? timeOf(at) : undefined) : new Date(Date.now() - seconds * 1000).toISOString(),
    stream: stream === "stdout" || stream === "stderr" ? stream : undefined,
  };
}

function timeOf(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new StatusError("BadRequest", `sinceTime: "${text}" is no time of RFC 3339`);
  return time.toISOString();
}

async function* write(entries: AsyncIterable<LogEntry>, wanted: LogOptions, path: string): AsyncIterable<Uint8Array> {
  let skip = wanted.tailLines === undefined ? 0 : Math.max(0, (await countLines(path, wanted)) - wanted.tailLines);
  let left = wanted.limitBytes ?? Number.POSITIVE_INFINITY;
  let begun = true;
  for await (const entry of entries) {
    if (!selected(entry, wanted)) continue;
    const whole = entry.text.at(-1) === 10;
    if (skip > 0) {
      if (whole) skip--;
      continue;
    }
    const stamp = wanted.timestamps && begun ? Buffer.from(`${entry.time} `) : Buffer.alloc(0);
    begun = whole;
    const bytes = Buffer.concat([stamp, entry.text]).subarray(0, left);
    left -= bytes.length;
    yield bytes;
    if (left <= 0) return;
  }
}

function selected(entry: LogEntry, { since, stream }: LogOptions): boolean {
  // Both are of the same form, so their order is that of their letters; milliseconds against nanoseconds are a prefix.
  return (!stream || entry.stream === stream) && (!since || entry.time >= since.slice(0, -1));
}

async function countLines(path: string, wanted: LogOptions): Promise<number> {
  let count = 0;
  let open = false;
  for await (const entry of readLog(path)) {
    if (!selected(entry, wanted)) continue;
    open = entry.text.at(-1) !== 10;
    if (!open) count++;
  }
  return count + (open ? 1 : 0);
}
