import { isIP } from "node:net";

/** How registries are reached. */
export interface RegistryOptions {
  /**
   * Registry as names have it (`docker.io`, `registry:5000`, or `*` for all others) → base URLs that are asked before
   * the registry itself. A path is put before the repository's name.
   */
  mirrors?: Record<string, string[]>;
  /** `host` or `host:port` whose certificates are not looked at, and that may speak plain HTTP. */
  insecure?: string[];
  /** Absolute path of a config.json as `docker login` writes it: for pulls that bring no credentials. Read for each. */
  configFile?: string;
  timings?: Partial<RegistryTimings>;
}

/** Milliseconds. */
export interface RegistryTimings {
  /** Until a server answers. */
  answer: number;
  /** In which a download must get on. */
  stall: number;
  /** Before the first retry of a download; each further one waits twice as long. */
  retry: number;
}

export const defaultTimings: RegistryTimings = { answer: 30_000, stall: 30_000, retry: 500 };

/** A server that may have an image. */
export interface Endpoint {
  /** Without a slash at its end. */
  origin: string;
  /** Path before the repository's name, with a slash at its end, or empty. */
  prefix: string;
  /** Certificates are not verified. */
  insecure: boolean;
  /** The registry that it stands for. */
  mirrorOf?: string;
}

/** In the order in which they are asked. Plain HTTP is for mirrors that say so, insecure registries and this machine. */
export function endpointsOf(registry: string, { mirrors = {}, insecure = [] }: RegistryOptions): Endpoint[] {
  const isInsecure = (host: string) => insecure.some((one) => one === host || one === hostname(host));
  const configured = mirrors[registry] ?? mirrors["*"] ?? [];
  const endpoints = configured.map((text): Endpoint => {
    const { origin, host, pathname } = new URL(text);
    const path = pathname.replace(/^\/+|\/+$/g, "").replace(/^v2(\/|$)/, "");
    return { origin, prefix: path === "" ? "" : `${path}/`, insecure: isInsecure(host), mirrorOf: registry };
  });
  const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
  const open = isInsecure(registry) || isInsecure(host);
  endpoints.push({ origin: `https://${host}`, prefix: "", insecure: open });
  if (open || isLoopback(host)) endpoints.push({ origin: `http://${host}`, prefix: "", insecure: open });
  return endpoints;
}

const hostname = (host: string) => host.replace(/:\d+$/, "");

export function isLoopback(host: string): boolean {
  const name = hostname(host).replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}
