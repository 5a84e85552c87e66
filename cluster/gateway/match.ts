// Conditions of a route on path, headers, query and method, and which of two matches goes first.
import { setFlagsFromString } from "node:v8";
import type { HttpRouteMatch, NameMatch } from "@capstan/api/kinds/gateway";
import { UnsupportedValue } from "./unsupported.ts";

/** What is looked at in a request. */
export interface RequestFacts {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>;
}

export interface Match {
  test(request: RequestFacts): boolean;
  /** Larger goes first, compared item by item. */
  rank: readonly number[];
  /** The prefix matched, for rewrites. */
  prefix: string;
}

/** Throws UnsupportedValue. */
export function compileMatch(match: HttpRouteMatch, at: string): Match {
  const { type = "PathPrefix", value = "/" } = match.path ?? {};
  const path = compilePath(type, value, `${at}.path`);
  const headers = compileNames(match.headers, `${at}.headers`, true);
  const query = compileNames(match.queryParams, `${at}.queryParams`, false);
  const { method } = match;
  return {
    test: (request) =>
      path.test(request.path) &&
      (method === undefined || method === request.method) &&
      headers.every(({ name, test }) => test(headerOf(request, name))) &&
      query.every(({ name, test }) => test(request.query.get(name) ?? undefined)),
    rank: [...path.rank, method ? 1 : 0, headers.length, query.length],
    prefix: type === "PathPrefix" ? value : "",
  };
}

function headerOf({ headers }: RequestFacts, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Exact before prefix before expression, and the longer first; the prefix `/` says nothing and goes last. */
function compilePath(type: string, value: string, at: string): { test(path: string): boolean; rank: number[] } {
  if (type === "RegularExpression") {
    const expression = compileExpression(value, `${at}.value`);
    return { test: (path) => expression.test(path), rank: [1, value.length] };
  }
  if (!value.startsWith("/")) throw new UnsupportedValue(`${at}.value`, "must begin with /");
  if (type === "Exact") return { test: (path) => path === value, rank: [3, value.length] };
  if (type !== "PathPrefix") throw new UnsupportedValue(`${at}.type`, `"${type}" is unknown`);
  // By path elements: /a matches /a/b, not /ab; a slash at the end means nothing.
  const prefix = value.replace(/\/+$/, "");
  if (prefix === "") return { test: () => true, rank: [0, 0] };
  const test = (path: string) =>
    path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === "/");
  return { test, rank: [2, prefix.length] };
}

interface NameTest {
  name: string;
  test(value: string | undefined): boolean;
}

function compileNames(matches: NameMatch[] | undefined, at: string, anyCase: boolean): NameTest[] {
  const seen = new Set<string>();
  return (matches ?? []).flatMap(({ type = "Exact", name: given, value }, i) => {
    const name = anyCase ? given.toLowerCase() : given;
    // Source: Gateway API: only the first of equal names counts.
    if (seen.has(name)) return [];
    seen.add(name);
    if (type === "Exact") return [{ name, test: (actual) => actual === value }];
    if (type !== "RegularExpression") throw new UnsupportedValue(`${at}[${i}].type`, `"${type}" is unknown`);
    const expression = compileExpression(value, `${at}[${i}].value`);
    return [{ name, test: (actual) => actual !== undefined && expression.test(actual) }];
  });
}

let linear = false;

/** Matches the whole text, in time linear in it: a tenant's expression must not stop the gateway for the others. */
function compileExpression(source: string, at: string): RegExp {
  if (!linear) setFlagsFromString("--enable-experimental-regexp-engine");
  linear = true;
  try {
    return new RegExp(`^(?:${source})$`, "l");
  } catch (error) {
    throw new UnsupportedValue(at, `${(error as Error).message} (lookaround and back references are not supported)`);
  }
}

/** Negative when `a` goes first. */
export function compareRank(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (b[i] ?? 0) - (a[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
