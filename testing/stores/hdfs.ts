// A name node and a data node in one, in memory. Source: Hadoop 3.4, "WebHDFS REST API".
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { posix } from "node:path";
import { type Edge, serveEdge } from "./edge.ts";

export interface HdfsEdge extends Edge {
  /** Path → bytes. */
  files: Map<string, Buffer>;
}

export async function startHdfs(): Promise<HdfsEdge> {
  const files = new Map<string, Buffer>();
  const json = (response: ServerResponse, value: object, status = 200) =>
    response.writeHead(status).end(JSON.stringify(value));
  const below = (path: string) => [...files.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
  const edge = await serveEdge((_, body, response, url) => {
    const path = decodeURIComponent(url.pathname).replace("/webhdfs/v1", "");
    const op = url.searchParams.get("op");
    const found = below(path);
    if (found.length === 0 && /^(GETFILESTATUS|OPEN|LISTSTATUS|GETFILECHECKSUM)$/.test(op ?? "")) {
      const message = `File does not exist: ${path}`;
      return json(response, { RemoteException: { exception: "FileNotFoundException", message } }, 404);
    }
    switch (op) {
      case "MKDIRS":
        return json(response, { boolean: true });
      case "CREATE":
        // The first request has no body: it asks where to.
        if (!url.searchParams.has("data"))
          return response.writeHead(307, { location: `${edge.url}${url.pathname}${url.search}&data=1` }).end();
        files.set(path, body);
        return response.writeHead(201).end();
      case "OPEN":
        return response.end(files.get(path));
      case "GETFILESTATUS":
        return json(response, { FileStatus: status(files, path) });
      case "LISTSTATUS": {
        const names = new Set(found.map((name) => name.slice(path.length + 1).split("/")[0] ?? ""));
        const all = [...names].map((name) => ({ ...status(files, posix.join(path, name)), pathSuffix: name }));
        return json(response, { FileStatuses: { FileStatus: all } });
      }
      case "GETFILECHECKSUM":
        return json(response, {
          FileChecksum: {
            bytes: createHash("md5")
              .update(files.get(path) ?? "")
              .digest("hex"),
          },
        });
      case "RENAME":
        for (const name of found) {
          files.set(`${url.searchParams.get("destination")}${name.slice(path.length)}`, files.get(name) as Buffer);
          files.delete(name);
        }
        return json(response, { boolean: found.length > 0 });
      case "DELETE":
        for (const name of found) files.delete(name);
        return json(response, { boolean: found.length > 0 });
      default:
        return json(response, {}, 400);
    }
  });
  return Object.assign(edge, { files });
}

function status(files: Map<string, Buffer>, path: string) {
  const file = files.get(path);
  return { pathSuffix: "", type: file ? "FILE" : "DIRECTORY", length: file?.length ?? 0 };
}
