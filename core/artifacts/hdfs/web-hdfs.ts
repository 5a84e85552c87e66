// Requests of WebHDFS to whichever name node is active.
import type { IncomingMessage } from "node:http";
import type { Guard } from "../guard.ts";
import { StoreError } from "../store.ts";
import { readJson, request, type WebRequest } from "../web/index.ts";

export interface WebHdfs {
  /** Answers with the JSON of an operation. */
  ask(method: "GET" | "PUT" | "DELETE", path: string, query: Record<string, string>): Promise<Record<string, unknown>>;
  open(path: string): Promise<IncomingMessage>;
  create(path: string, bytes: () => AsyncIterable<Uint8Array>): Promise<void>;
}

/** Ports that name nodes have for their own protocol, and the one that each has for HTTP next to it. */
const rpcPorts = new Set(["8020", "9000", ""]);
const httpPort = "9870";

/**
 * Where WebHDFS of an address is: `http://…` and `https://…` are taken as they are; a host with a name node's usual RPC port
 * (8020, 9000) or none means port 9870 of that host; any other port is taken for HTTP's.
 */
export function endpointOf(address: string): string {
  if (/^https?:\/\//.test(address)) return address.replace(/\/+$/, "");
  const url = `http://${address.replace(/^hdfs:\/\//, "")}`;
  if (!URL.canParse(url)) throw new StoreError(`hdfs.addresses: ${JSON.stringify(address)} is no host and port`);
  const { hostname, port } = new URL(url);
  return `http://${hostname}:${rpcPorts.has(port) ? httpPort : port}`;
}

export interface WebHdfsOptions {
  addresses: string[];
  user: string | undefined;
  guard: Guard | undefined;
  signal: AbortSignal;
}

export function createWebHdfs({ addresses, user, guard, signal }: WebHdfsOptions): WebHdfs {
  const endpoints = addresses.map(endpointOf);
  const base = { store: "hdfs", guard, signal };
  /** A node that is on standby, or gone, lets the next one try. */
  const active = async <T>(work: (endpoint: string) => Promise<T>): Promise<T> => {
    for (const [i, endpoint] of endpoints.entries()) {
      try {
        return await work(endpoint);
      } catch (error) {
        const other = /StandbyException/.test((error as Error).message) || (error as StoreError).passing;
        if (!other || i + 1 >= endpoints.length) throw plain(error);
      }
    }
    throw new StoreError("hdfs.addresses names no name node");
  };
  const address = (endpoint: string, path: string, query: Record<string, string>) => {
    const search = new URLSearchParams({ ...query, ...(user ? { "user.name": user } : {}) });
    return `${endpoint}/webhdfs/v1${path.split("/").map(encodeURIComponent).join("/")}?${search}`;
  };
  return {
    ask: (method, path, query) =>
      active(async (endpoint) => {
        const options: WebRequest = {
          ...base,
          method,
          ...(method === "PUT" ? { headers: { "content-length": "0" } } : {}),
        };
        return (await readJson(await request(address(endpoint, path, query), options))) as Record<string, unknown>;
      }),
    open: (path) => active((endpoint) => request(address(endpoint, path, { op: "OPEN" }), base)),
    create: (path, bytes) =>
      active(async (endpoint) => {
        // The name node only says which data node takes the bytes.
        const url = address(endpoint, path, { op: "CREATE", overwrite: "true", noredirect: "false" });
        const empty = { "content-length": "0" };
        const first = await request(url, { ...base, method: "PUT", headers: empty, manual: true });
        first.resume();
        const { location } = first.headers;
        if (!location) throw new StoreError(`hdfs ${endpoint} names no data node for ${path}`);
        const headers = { "content-type": "application/octet-stream" };
        (await request(location, { ...base, method: "PUT", headers, body: bytes })).resume();
      }),
  };
}

/** The message of the exception that the answer holds. */
function plain(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const found = /"exception":"(\w+)".*?"message":"((?:[^"\\]|\\.)*)"/s.exec(error.message);
  if (!found) return error;
  const words = (JSON.parse(`"${found[2]}"`) as string).split("\n")[0];
  const { passing, missing } = error;
  return new StoreError(`hdfs: ${found[1]}: ${words}`, { passing, missing, cause: error });
}
