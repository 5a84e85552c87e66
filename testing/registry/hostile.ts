// A registry that does what a test asks of it: lies, stalls, breaks off.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf, type TestImage } from "./image.ts";

export interface Asked {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingMessage["headers"];
}

/** Answers in place of the registry; false leaves it to the registry. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => boolean;

export class HostileRegistry implements AsyncDisposable {
  readonly host: string;
  /** In the order in which they came. */
  readonly asked: Asked[] = [];
  readonly images = new Map<string, TestImage>();
  answer: Answer = () => false;
  readonly #server: Server;

  static async start(host = "127.0.0.1"): Promise<HostileRegistry> {
    const server = createServer();
    server.listen(0, host);
    await once(server, "listening");
    return new HostileRegistry(server, `${host}:${(server.address() as AddressInfo).port}`);
  }

  private constructor(server: Server, host: string) {
    this.#server = server;
    this.host = host;
    server.on("request", (request, response) => {
      const { method = "", url = "", headers } = request;
      this.asked.push({ method, url, headers });
      if (!this.answer(request, response)) this.#serve(url, headers.range, response);
    });
  }

  /** @returns the image's name, with the registry. */
  put(name: string, image: TestImage): string {
    this.images.set(name, image);
    return `${this.host}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(url: string, range: string | undefined, response: ServerResponse): void {
    const [, repository = "", kind, which = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/([^?]+)/.exec(url) ?? [];
    const image = [...this.images].find(([name]) => name.split(":")[0] === repository)?.[1];
    const tagged = this.images.get(`${repository}:${which}`);
    const digest = kind === "manifests" && tagged ? tagged.top.digest : which;
    const bytes = (tagged ?? image)?.blobs.get(digest);
    if (!bytes) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] }));
      return;
    }
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const headers = {
      "docker-content-digest": digestOf(bytes),
      "content-length": bytes.length - from,
      ...(from > 0 ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    };
    response.writeHead(from > 0 ? 206 : 200, headers);
    response.end(bytes.subarray(from));
  }
}
