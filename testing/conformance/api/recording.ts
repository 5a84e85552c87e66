// Answers in a form that is the same on every server and run: what differs by nature gives way to its name.
import { parse } from "yaml";
import type { Answer, RequestOptions } from "./exchange.ts";
import type { Subject } from "./subject.ts";

/** One answer as it is kept in fixtures. */
export interface Recorded {
  request: string;
  status: number;
  headers?: Record<string, string | string[]>;
  body?: unknown;
}

/** What a scenario asks with: each answer becomes part of its record. */
export interface Asking {
  subject: Subject;
  /** Names that no earlier run has used: the same in the record. */
  namespace: string;
  unique: string;
  ask(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** Adds to the record what was derived from answers. */
  note(request: string, body: unknown): void;
}

/** By name: each starts in a namespace of its own and asks in order. */
export type Scenarios = Record<string, (asking: Asking) => Promise<void>>;

/** Runs one scenario and returns what was answered. */
export async function record(subject: Subject, scenario: Scenarios[string]): Promise<Recorded[]> {
  const namespace = await subject.namespace();
  const unique = `u${crypto.randomUUID().slice(0, 8)}`;
  const answers: Recorded[] = [];
  const named = (text: string) => text.replaceAll(namespace, "NAMESPACE").replaceAll(unique, "UNIQUE");
  await scenario({
    subject,
    namespace,
    unique,
    async ask(method, path, options) {
      const answer = await subject.send(method, path, options);
      answers.push(settle(named(`${method} ${path}`), answer, named));
      return answer;
    },
    note: (request, body) =>
      void answers.push({ request: named(request), status: 0, body: settleValue(body, "", named) }),
  });
  return answers;
}

const keptHeaders = ["content-type", "warning", "retry-after", "cache-control", "content-encoding"];

function settle(request: string, { status, headers, json, text, warnings }: Answer, named: Named): Recorded {
  const kept = Object.entries(headers).filter(([name]) => keptHeaders.includes(name) && name !== "warning");
  const shown: [string, string | string[]][] = kept.map(([name, value]) => [name, value as string]);
  if (warnings.length > 0) shown.push(["warning", warnings.flatMap((line) => named(line).split(/, (?=299 )/)).sort()]);
  const yaml = headers["content-type"] === "application/yaml";
  const read = yaml ? parse(text) : json;
  const body = read === undefined ? named(text) : settleValue(read, "", named);
  return { request, status, headers: Object.fromEntries(shown), body };
}

type Named = (text: string) => string;

/** Members whose value is the server's choice. */
const chosen: Record<string, (value: string) => string> = {
  resourceVersion: (value) => (value === "" || value === "0" ? value : "REVISION"),
  continue: () => "CONTINUE",
  metadataResourceVersion: () => "REVISION",
};
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g;
/** Ages, in seconds. */
const age = /^\d{1,2}s$/;
/** What a patch made, in another order of fields; revisions. */
const patched = /Invalid value: "\{.*\}": /g;
const inRecord = /(ResourceVersion) in record \(\d+\)/g;
const tokenVolume = /kube-api-access-[a-z0-9]{5}/g;
const nodePort = /:3\d{4}\//g;
const clusterIp = /\b10\.96\.\d+\.\d+\b/g;

function settleValue(value: unknown, key: string, named: Named): unknown {
  if (typeof value === "string") {
    if (age.test(value)) return "AGE";
    const own = chosen[key]?.(value) ?? value;
    return named(own)
      .replace(uuid, "UID")
      .replace(time, "TIME")
      .replace(clusterIp, "ADDRESS")
      .replace(nodePort, ":30000/")
      .replace(patched, 'Invalid value: "OBJECT": ')
      .replace(inRecord, "$1 in record (REVISION)")
      .replace(tokenVolume, "kube-api-access-RANDOM");
  }
  if (typeof value === "number") return key === "nodePort" && value >= 30000 ? 30000 : value;
  // Within one second managers stand in the order of their names.
  if (key === "managedFields" && Array.isArray(value)) {
    const entries = value.map((item) => settleValue(item, "", named)) as Record<string, string>[];
    const nameOf = (entry: Record<string, string>) =>
      [entry.operation, entry.manager, entry.apiVersion, entry.subresource ?? ""].join();
    return entries.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }
  if (Array.isArray(value)) return value.map((item) => settleValue(item, key, named));
  if (typeof value !== "object" || value === null) return value;
  if (key === "items") return settleItem(value as Record<string, unknown>, named);
  return settleMembers(value, named);
}

/** Items of a list name their kind, which upstream's built-in kinds do not: the bytes that are stored are those that are served. */
function settleItem({ apiVersion: _, kind: _kind, ...item }: Record<string, unknown>, named: Named): unknown {
  return settleMembers(item, named);
}

/** What is wrong is the same in any order. */
const inOrder = (causes: unknown[]) => [...causes].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

const strict = /(strict decoding error: )((?:unknown|duplicate) field .*)$/s;

/** How an object differs from what it was, as Go holds it inside. */
const difference = /\n(@@.*)?$/s;

/** Objects are shown as Go holds them inside. */
const shownObject = /((?:Invalid|Unsupported|Duplicate) value: )(\{.*\}|\[.*\])(?=: |$)/;

const sorted = (list: string) => list.split(", ").sort().join(", ");

const valuesInOrder = (message: string) =>
  message
    .replace(difference, "")
    .replace(shownObject, "$1OBJECT")
    .replace(strict, (_, words: string, list: string) => words + sorted(list))
    .replace(/(supported values: )(("[^"]*", )*"[^"]*")/g, (_, words: string, list: string) => words + sorted(list));

/** Descriptions of columns are our own words. */
function settleMembers(value: object, named: Named): unknown {
  if ("causes" in value && Array.isArray(value.causes)) value.causes = inOrder(value.causes);
  if ("message" in value && typeof value.message === "string") value.message = valuesInOrder(value.message);
  if ("details" in value && "message" in value && (value.details as { causes?: unknown[] })?.causes?.length) {
    value.message = String(value.message).replace(/is invalid: \[.*\]$/s, "is invalid: […]");
  }
  const isColumn = "priority" in value && "description" in value;
  const entries = Object.entries(value)
    // To every client null is absent.
    .filter(([name, item]) => item !== null && !(isColumn && name === "description"))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [named(name), settleValue(item, name, named)]));
}
