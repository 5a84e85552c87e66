// Host names of listeners and routes: `*.example.com` stands for one or more labels in place of the star.

/** The name of a Host header: without port, in lower case. */
export function hostOf(header: string | undefined): string {
  if (!header) return "";
  const end = header.startsWith("[") ? header.indexOf("]") + 1 : header.indexOf(":");
  return (end > 0 ? header.slice(0, end) : header).toLowerCase();
}

const covers = (pattern: string, host: string) => pattern.startsWith("*.") && host.endsWith(pattern.slice(1));

/**
 * The names that a route serves at a listener; `*` alone is any name. Undefined when they have none in common.
 * Source: Gateway API, HTTPRouteSpec.hostnames.
 */
export function commonHostnames(
  listener: string | undefined,
  route: readonly string[] | undefined,
): string[] | undefined {
  const own = route?.map((name) => name.toLowerCase());
  const at = listener?.toLowerCase();
  if (!own || own.length === 0) return [at || "*"];
  if (!at) return own;
  const common = own.flatMap((name) => {
    if (name === at || covers(at, name)) return [name];
    return covers(name, at) ? [at] : [];
  });
  return common.length > 0 ? common : undefined;
}

/** Patterns that match a host, the most specific first: itself, then `*.` and ever fewer labels, then `*`. */
export function* patternsFor(host: string): Generator<string> {
  yield host;
  for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) yield `*${host.slice(dot)}`;
  yield "*";
}
