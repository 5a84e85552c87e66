// What a route does to a request on its way, and to the answer on its way back.
import type {
  HeaderModifier,
  HttpRouteFilter,
  PathModifier,
  RequestRedirect,
  UrlRewrite,
} from "@capstan/api/kinds/gateway";
import { UnsupportedValue } from "./unsupported.ts";

export interface Filters {
  request: HeaderModifier[];
  response: HeaderModifier[];
  redirect?: RequestRedirect;
  rewrite?: UrlRewrite;
}

/** Throws UnsupportedValue. */
export function compileFilters(filters: HttpRouteFilter[] | undefined, at: string): Filters {
  const compiled: Filters = { request: [], response: [] };
  (filters ?? []).forEach((filter, i) => {
    const { requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite, type } = filter;
    if (type === "RequestHeaderModifier" && requestHeaderModifier) compiled.request.push(requestHeaderModifier);
    else if (type === "ResponseHeaderModifier" && responseHeaderModifier)
      compiled.response.push(responseHeaderModifier);
    else if (type === "RequestRedirect" && requestRedirect) compiled.redirect = requestRedirect;
    else if (type === "URLRewrite" && urlRewrite) compiled.rewrite = urlRewrite;
    else throw new UnsupportedValue(`${at}[${i}].type`, `${type} is not supported, or its field is missing`);
  });
  if (compiled.redirect && compiled.rewrite) {
    throw new UnsupportedValue(at, "RequestRedirect and URLRewrite cannot stand together");
  }
  return compiled;
}

/** Raw headers: names and values by turns, as they stand on the wire. */
export type RawHeaders = string[];

export function removeHeader(raw: RawHeaders, name: string): RawHeaders {
  const wanted = name.toLowerCase();
  const kept: RawHeaders = [];
  for (let i = 0; i < raw.length; i += 2) {
    if ((raw[i] as string).toLowerCase() !== wanted) kept.push(raw[i] as string, raw[i + 1] as string);
  }
  return kept;
}

export function setHeader(raw: RawHeaders, name: string, value: string): RawHeaders {
  return [...removeHeader(raw, name), name, value];
}

export function modifyHeaders(raw: RawHeaders, modifiers: readonly HeaderModifier[]): RawHeaders {
  let headers = raw;
  for (const { set, add, remove } of modifiers) {
    for (const name of remove ?? []) headers = removeHeader(headers, name);
    for (const { name, value } of set ?? []) headers = setHeader(headers, name, value);
    for (const { name, value } of add ?? []) headers = addHeader(headers, name, value);
  }
  return headers;
}

/** Appends to what is there: one line with commas, but for Set-Cookie (RFC 9110 §5.3). */
function addHeader(raw: RawHeaders, name: string, value: string): RawHeaders {
  const wanted = name.toLowerCase();
  const before = raw.filter((_, i) => i % 2 === 1 && (raw[i - 1] as string).toLowerCase() === wanted);
  if (before.length === 0 || wanted === "set-cookie") return [...raw, name, value];
  return setHeader(raw, name, [...before, value].join(", "));
}

/** The path and query after a modifier. */
export function modifyPath(path: string, search: string, modifier: PathModifier | undefined, prefix: string): string {
  if (!modifier) return path + search;
  if (modifier.type === "ReplaceFullPath") return (modifier.replaceFullPath || "/") + search;
  const rest = path.slice(prefix.replace(/\/+$/, "").length);
  const replacement = (modifier.replacePrefixMatch ?? "").replace(/\/+$/, "");
  const joined = replacement + (rest === "" || rest.startsWith("/") ? rest : `/${rest}`);
  return (joined || "/") + search;
}

const defaultPorts: Record<string, number> = { http: 80, https: 443 };

/** The Location of a redirect. @param from the request as it came; `port` is the listener's. */
export function locationOf(
  redirect: RequestRedirect,
  from: { scheme: string; host: string; port: number; path: string; search: string; prefix: string },
): string {
  const scheme = redirect.scheme ?? from.scheme;
  const port = redirect.port ?? (redirect.scheme ? defaultPorts[scheme] : from.port);
  const shown = port === undefined || port === defaultPorts[scheme] ? "" : `:${port}`;
  return `${scheme}://${redirect.hostname ?? from.host}${shown}${modifyPath(from.path, from.search, redirect.path, from.prefix)}`;
}
