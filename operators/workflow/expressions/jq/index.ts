// jq filters, for outputs of resources. Paths are read here; everything else runs in a thread that can be stopped.
import { Worker } from "node:worker_threads";
import { ExpressionError } from "../error.ts";
import { isRecord, toJson } from "../values.ts";
import { type Answer, limits, type Question } from "./limits.ts";

const filterLimit = 64 * 1024;

/**
 * What a filter makes of a document: texts as they are, other values as JSON, each on a line of its own.
 * @throws ExpressionError with jq's own words, or the name of the limit that was passed.
 */
export async function queryJq(filter: string, document: unknown): Promise<string> {
  if (filter.length > filterLimit) throw new ExpressionError(`jq: filter is longer than ${filterLimit} characters`);
  const path = readPath(filter);
  const values = path ? [followPath(path, document, filter)] : await runFilter(filter, toJson(document));
  return values
    .map((value) => (typeof value === "string" ? value : toJson(value)))
    .join("\n")
    .trim();
}

const step = /\.?(?:([A-Za-z_]\w*)|\["([^"\\]*)"\]|\[(-?\d{1,9})\])/y;

/** `.`, `.a.b`, `.a[0]["c d"]`; undefined for any other filter. */
function readPath(filter: string): (string | number)[] | undefined {
  const text = filter.trim();
  if (text === ".") return [];
  if (!text.startsWith(".")) return undefined;
  const path: (string | number)[] = [];
  for (step.lastIndex = 0; step.lastIndex < text.length; ) {
    const at = step.lastIndex;
    const match = step.exec(text);
    // Names need their dot, and keywords are no names.
    if (!match || (match[1] !== undefined && text[at] !== ".")) return undefined;
    path.push(match[1] ?? match[2] ?? Number(match[3]));
  }
  return path;
}

function followPath(path: (string | number)[], document: unknown, filter: string): unknown {
  let value = document;
  for (const key of path) {
    if (value === null || value === undefined) return null;
    if (typeof key === "number" && Array.isArray(value)) value = value.at(key);
    else if (typeof key === "string" && isRecord(value)) value = Object.hasOwn(value, key) ? value[key] : null;
    else
      throw new ExpressionError(
        `jq: ${filter}: cannot index ${Array.isArray(value) ? "an array" : typeof value} with ${JSON.stringify(key)}`,
      );
  }
  return value ?? null;
}

async function runFilter(filter: string, input: string): Promise<unknown[]> {
  if (input.length > limits.input)
    throw new ExpressionError(`jq: the document is longer than ${limits.input} characters`);
  // A filter is no option of the command line, whatever it begins with.
  const workerData: Question = { filter: ` ${filter}`, input };
  const worker = new Worker(new URL("./filter-worker.ts", import.meta.url), {
    workerData,
    env: {},
    stdout: true,
    stderr: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  worker.once("message", resolve);
  worker.once("error", reject);
  worker.once("exit", () => reject(new ExpressionError("jq ended without an answer")));
  const timer = setTimeout(
    () => reject(new ExpressionError(`jq took longer than ${limits.milliseconds} ms`)),
    limits.milliseconds,
  );
  try {
    const { output = "", error } = await promise;
    if (error !== undefined) throw new ExpressionError(`jq: ${error}`);
    if (output.length > limits.output) throw new ExpressionError(`jq makes more than ${limits.output} characters`);
    return output
      .split("\n")
      .filter(Boolean)
      .map((line): unknown => JSON.parse(line));
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
