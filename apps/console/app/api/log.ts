// A container's log as lines, followed while anybody looks.
import { StatusError } from "@capstan/api/meta";
import { backoff, sleep } from "@capstan/base/async";
import type { HttpResponse } from "@capstan/base/http";
import { useEffect, useState } from "react";
import { client } from "./client.ts";

export interface LogSource {
  namespace: string;
  pod: string;
  container: string;
  previous: boolean;
  /** Opens the log again when it changes: of a container that restarts, its number of restarts. */
  incarnation: number;
}

export interface Log {
  lines: string[];
  /** Lines at the start that are no longer kept. */
  dropped: number;
  ended: boolean;
  error?: StatusError;
}

/** Lines kept in the page: enough to read, few enough to stay fluid. */
const maxLines = 5000;
// Terminal colours: ESC [ … letter. Source: ECMA-48, section 5.4.
const colourCodes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[ -/]*[@-~]`, "g");
const empty: Log = { lines: [], dropped: 0, ended: false };

function logUrl({ namespace, pod, container, previous }: LogSource, follow: boolean): string {
  const query = new URLSearchParams({ container });
  if (previous) query.set("previous", "true");
  if (follow) query.set("follow", "true");
  return `/api/v1/namespaces/${namespace}/pods/${pod}/log?${query}`;
}

/** Nothing is read while `source` is undefined. */
export function useLog(source: LogSource | undefined): Log {
  const [log, setLog] = useState<Log>(empty);
  const key = source && JSON.stringify(source);
  useEffect(() => {
    setLog(empty);
    if (!key) return;
    const stop = new AbortController();
    const from = JSON.parse(key) as LogSource;
    void read(logUrl(from, !from.previous), stop.signal, (log) => {
      if (!stop.signal.aborted) setLog(log);
    });
    return () => stop.abort();
  }, [key]);
  return log;
}

const retry = { base: 500, cap: 10_000 };

/** Reads the log to its end, again from its start when the connection breaks. Never rejects. */
async function read(url: string, signal: AbortSignal, report: (log: Log) => void): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    const { error, lines } = await readOnce(url, signal, report);
    if (error?.reason !== "ServiceUnavailable") return;
    if (lines.length > 0) attempt = 0;
    await sleep(backoff(attempt, retry), signal);
  }
}

/** Reports the whole state at most every 50 ms, so that a chatty container does not stop the page. */
async function readOnce(url: string, signal: AbortSignal, report: (log: Log) => void): Promise<Log> {
  const state: Log = { lines: [], dropped: 0, ended: false };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const publish = () => {
    timer = undefined;
    report({ ...state, lines: [...state.lines] });
  };
  const take = (lines: string[]) => {
    state.lines.push(...lines.map((line) => line.replace(colourCodes, "").replace(/\r$/, "")));
    if (state.lines.length > maxLines) state.dropped += state.lines.splice(0, state.lines.length - maxLines).length;
    timer ??= setTimeout(publish, 50);
  };
  try {
    let rest = "";
    for await (const text of textsOf(await client.request({ url, signal }))) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      take(lines);
    }
    if (rest !== "") take([rest]);
    state.ended = true;
  } catch (thrown) {
    state.error = StatusError.from(thrown);
  }
  clearTimeout(timer);
  if (!signal.aborted) publish();
  return state;
}

async function* textsOf({ body }: HttpResponse): AsyncIterable<string> {
  const decoder = new TextDecoder();
  if (typeof body === "string") yield body;
  else if (body instanceof Uint8Array) yield decoder.decode(body);
  else if (body) for await (const chunk of body) yield decoder.decode(chunk, { stream: true });
}

/** The whole log as a file. */
export async function downloadLog(source: LogSource): Promise<void> {
  const texts: string[] = [];
  for await (const text of textsOf(await client.request({ url: logUrl(source, false) }))) texts.push(text);
  const url = URL.createObjectURL(new Blob(texts, { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${source.pod}-${source.container}.log`;
  link.click();
  URL.revokeObjectURL(url);
}
