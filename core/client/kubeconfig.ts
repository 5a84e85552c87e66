/** Text that stands in the kubeconfig itself, or the path of a file that holds it (relative to the kubeconfig). */
export type Material = { text: string } | { file: string };

/** How to reach one cluster as one user. */
export interface ClusterAccess {
  /** https://host:port, perhaps with a path. */
  server: string;
  /** PEM of the authorities to trust; absent: the system's. */
  ca?: Material;
  insecureSkipTlsVerify: boolean;
  tlsServerName?: string;
  /** PEM. */
  certificate?: Material;
  /** PEM. */
  key?: Material;
  token?: Material;
  /** Where objects without a namespace go. */
  namespace: string;
}

interface Named {
  name?: string;
  [section: string]: unknown;
}
type Section = Record<string, unknown>;

/**
 * Reads a parsed kubeconfig (v1 Config). Throws with the field's path when something is missing, or is a way of logging
 * in that is not supported (exec, auth-provider, username).
 * @param context its name; absent: current-context.
 */
export function readKubeconfig(document: unknown, context?: string): ClusterAccess {
  const config = section(document, "the kubeconfig");
  const name = context ?? config["current-context"];
  if (typeof name !== "string" || name === "") throw new Error("kubeconfig: current-context is not set");
  const chosen = find(config, "contexts", "context", name);
  const cluster = find(config, "clusters", "cluster", string(chosen, "cluster", `contexts[${name}]`) ?? "");
  const userName = string(chosen, "user", `contexts[${name}]`);
  const user = userName === undefined ? {} : find(config, "users", "user", userName);
  const at = `users[${userName}]`;
  for (const field of ["exec", "auth-provider", "username", "password", "as"]) {
    if (user[field] !== undefined) throw new Error(`kubeconfig: ${at}.user.${field} is not supported`);
  }
  const server = string(cluster, "server", `clusters[${chosen.cluster}]`);
  if (!server) throw new Error(`kubeconfig: clusters[${chosen.cluster}].cluster.server is not set`);
  const token = string(user, "token", at);
  const tokenFile = string(user, "tokenFile", at);
  return withoutAbsent({
    server,
    insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"] === true,
    tlsServerName: string(cluster, "tls-server-name", `clusters[${chosen.cluster}]`),
    ca: material(cluster, "certificate-authority", `clusters[${chosen.cluster}]`),
    certificate: material(user, "client-certificate", at),
    key: material(user, "client-key", at),
    token: token !== undefined ? { text: token } : tokenFile !== undefined ? { file: tokenFile } : undefined,
    namespace: string(chosen, "namespace", `contexts[${name}]`) ?? "default",
  });
}

function find(config: Section, list: string, field: string, name: string): Section {
  const entries = Array.isArray(config[list]) ? (config[list] as Named[]) : [];
  const entry = entries.find((candidate) => candidate?.name === name);
  if (!entry) {
    const known = entries.map((candidate) => candidate?.name).join(", ") || "none";
    throw new Error(`kubeconfig: ${list} has no "${name}" (it has: ${known})`);
  }
  return section(entry[field] ?? {}, `${list}[${name}].${field}`);
}

function section(value: unknown, at: string): Section {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Section;
  throw new Error(`kubeconfig: ${at} is not a mapping`);
}

function string(from: Section, field: string, at: string): string | undefined {
  const value = from[field];
  if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
  throw new Error(`kubeconfig: ${at}: ${field} is not a string`);
}

/** `name-data` in base64 wins over the path in `name`. */
function material(from: Section, name: string, at: string): Material | undefined {
  const data = string(from, `${name}-data`, at);
  if (data) {
    try {
      return { text: new TextDecoder().decode(Uint8Array.from(atob(data), (char) => char.charCodeAt(0))) };
    } catch {
      throw new Error(`kubeconfig: ${at}: ${name}-data is not base64`);
    }
  }
  const file = string(from, name, at);
  return file ? { file } : undefined;
}

function withoutAbsent<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
