// Buckets in memory: objects, listing, uploads in parts. Source: Amazon S3 API reference.
import type { ServerResponse } from "node:http";
import type { ServerOptions } from "node:https";
import { type Edge, serveEdge } from "./edge.ts";

export interface S3Edge extends Edge {
  /** `bucket/key` → bytes. */
  objects: Map<string, Buffer>;
  buckets: Set<string>;
  /** Uploads that neither ended nor were given up. */
  open: Map<string, Buffer[]>;
}

export const startS3 = (...names: string[]): Promise<S3Edge> => serveS3(names);

export async function serveS3(names: string[], tls?: ServerOptions): Promise<S3Edge> {
  const objects = new Map<string, Buffer>();
  const buckets = new Set(names);
  const open = new Map<string, Buffer[]>();
  const fail = (response: ServerResponse, status: number, code: string) =>
    response.writeHead(status).end(`<Error><Code>${code}</Code><Message>the words of ${code}</Message></Error>`);
  const edge = await serveEdge((request, body, response, url) => {
    const [, bucket = "", ...rest] = decodeURIComponent(url.pathname).split("/");
    const [key, path] = [rest.join("/"), `${bucket}/${rest.join("/")}`];
    const upload = url.searchParams.get("uploadId") ?? "";
    if (key === "" && request.method === "PUT") {
      buckets.add(bucket);
      return response.end();
    }
    if (!buckets.has(bucket)) return fail(response, 404, "NoSuchBucket");
    if (key === "") return response.end(request.method === "GET" ? listing(objects, bucket, url) : "");
    switch (request.method) {
      case "POST":
        if (!upload) {
          open.set(path, []);
          return response.end("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
        }
        objects.set(path, Buffer.concat(open.get(path) ?? []));
        open.delete(path);
        return response.end("<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>");
      case "PUT":
        if (upload) (open.get(path) as Buffer[])[Number(url.searchParams.get("partNumber")) - 1] = body;
        else objects.set(path, body);
        return response.writeHead(200, { etag: '"e"' }).end();
      case "DELETE":
        if (upload) open.delete(path);
        else objects.delete(path);
        return response.writeHead(204).end();
      default: {
        const found = objects.get(path);
        if (!found) return fail(response, 404, "NoSuchKey");
        response.writeHead(200, { "content-length": found.length });
        return response.end(request.method === "HEAD" ? undefined : found);
      }
    }
  }, tls);
  return Object.assign(edge, { objects, buckets, open });
}

const pageSize = 3;

function listing(objects: Map<string, Buffer>, bucket: string, { searchParams }: URL): string {
  const prefix = `${bucket}/${searchParams.get("prefix") ?? ""}`;
  const all = [...objects.keys()].filter((path) => path.startsWith(prefix)).sort();
  const from = Number(searchParams.get("continuation-token") ?? 0);
  const page = all.slice(from, from + pageSize);
  const more = from + pageSize < all.length;
  const contents = page.map((path) => `<Contents><Key>${path.slice(bucket.length + 1)}</Key></Contents>`).join("");
  const next = more ? `<NextContinuationToken>${from + pageSize}</NextContinuationToken>` : "";
  return `<ListBucketResult><KeyCount>${page.length}</KeyCount><IsTruncated>${more}</IsTruncated>${next}${contents}</ListBucketResult>`;
}
