// All routes of all gateways as one table: which rule a request falls under.
import type { HttpBackendRef, HttpRoute, HttpRouteRule } from "@capstan/api/kinds/gateway";
import { messageOf } from "@capstan/base/errors";
import { attachmentsOf } from "./attachment.ts";
import { parseDuration } from "./duration.ts";
import { compileFilters, type Filters } from "./filter.ts";
import { hostOf, patternsFor } from "./hostname.ts";
import { compareRank, compileMatch, type Match, type RequestFacts } from "./match.ts";
import { UnsupportedValue } from "./unsupported.ts";
import type { World } from "./world.ts";

export interface Backend {
  ref: HttpBackendRef;
  /** Of the Service. */
  namespace: string;
  weight: number;
  filters: Filters;
}

export interface Rule {
  route: HttpRoute;
  matches: Match[];
  filters: Filters;
  backends: Backend[];
  /** Milliseconds, 0 for no limit: of the whole request, and of one attempt at a backend. */
  timeouts: { request: number; backendRequest: number };
}

export interface Hit {
  rule: Rule;
  match: Match;
}

export interface RouteTable {
  find(hostHeader: string | undefined, request: RequestFacts): Hit | undefined;
}

const compiled = new WeakMap<HttpRoute, Rule[] | UnsupportedValue>();

/** The rules of a route, or what in them is not supported. Kept as long as the object. */
export function compileRoute(route: HttpRoute): Rule[] | UnsupportedValue {
  let result = compiled.get(route);
  if (!result) {
    try {
      result = (route.spec.rules ?? [{}]).map((rule, i) => compileRule(route, rule, `spec.rules[${i}]`));
    } catch (error) {
      // One tenant's route must not keep the others' from being served: its status says what is wrong.
      result = error instanceof UnsupportedValue ? error : new UnsupportedValue("spec", messageOf(error));
    }
    compiled.set(route, result);
  }
  return result;
}

function compileRule(route: HttpRoute, rule: HttpRouteRule, at: string): Rule {
  for (const field of ["retry", "sessionPersistence"] as const) {
    if (rule[field]) throw new UnsupportedValue(`${at}.${field}`, "is not supported");
  }
  const matches = rule.matches && rule.matches.length > 0 ? rule.matches : [{}];
  const filters = compileFilters(rule.filters, `${at}.filters`);
  const { request = "0s", backendRequest = "0s" } = rule.timeouts ?? {};
  const compiledMatches = matches.map((match, i) => compileMatch(match, `${at}.matches[${i}]`));
  const prefix = (filters.rewrite ?? filters.redirect)?.path?.type === "ReplacePrefixMatch";
  if (prefix && compiledMatches.some((match) => match.prefix === "")) {
    throw new UnsupportedValue(`${at}.filters`, "ReplacePrefixMatch needs matches of the type PathPrefix only");
  }
  return {
    route,
    matches: compiledMatches,
    filters,
    timeouts: {
      request: parseDuration(request, `${at}.timeouts.request`),
      backendRequest: parseDuration(backendRequest, `${at}.timeouts.backendRequest`),
    },
    backends: (rule.backendRefs ?? []).map((ref, i) => ({
      ref,
      namespace: ref.namespace ?? route.metadata.namespace ?? "",
      weight: ref.weight ?? 1,
      filters: compileFilters(ref.filters, `${at}.backendRefs[${i}].filters`),
    })),
  };
}

interface Entry extends Hit {
  /** Position of the rule in its route. */
  index: number;
}

/** @param port the one that the gateway listens on. */
export function buildRouteTable(world: World, port: number): RouteTable {
  const hosts = new Map<string, Entry[]>();
  for (const route of world.routes()) {
    const hostnames = new Set(
      attachmentsOf(route, world, port).flatMap(({ listeners }) => listeners.flatMap((at) => at.hostnames)),
    );
    const rules = hostnames.size > 0 ? compileRoute(route) : [];
    if (rules instanceof UnsupportedValue) continue;
    const entries = rules.flatMap((rule, index) => rule.matches.map((match) => ({ rule, match, index })));
    for (const hostname of hostnames) hosts.set(hostname, [...(hosts.get(hostname) ?? []), ...entries]);
  }
  for (const entries of hosts.values()) entries.sort(precedence);
  return {
    find(hostHeader, request) {
      for (const pattern of patternsFor(hostOf(hostHeader))) {
        const entry = hosts.get(pattern)?.find(({ match }) => match.test(request));
        if (entry) return entry;
      }
      return undefined;
    },
  };
}

/** Source: Gateway API, HTTPRouteRule.matches: specificity, then age, then name, then order in the route. */
function precedence(a: Entry, b: Entry): number {
  const age = ({ metadata }: HttpRoute) => metadata.creationTimestamp ?? "";
  const name = ({ metadata }: HttpRoute) => `${metadata.namespace}/${metadata.name}`;
  return (
    compareRank(a.match.rank, b.match.rank) ||
    age(a.rule.route).localeCompare(age(b.rule.route)) ||
    name(a.rule.route).localeCompare(name(b.rule.route)) ||
    a.index - b.index
  );
}
