import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ConfigMaps } from "@capstan/api/generated/resources";
import { createClient, createFetchHandler } from "./index.ts";

test("a client over fetch streams a watch, and leaving it ends the request", async () => {
  let closed: Promise<unknown> | undefined;
  const server = createServer((request, response) => {
    closed = once(response, "close");
    response.writeHead(200, { "content-type": "application/json" });
    response.write(
      `${JSON.stringify({ type: "ADDED", object: { metadata: { name: request.headers.authorization } } })}\n`,
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = createClient(createFetchHandler(`http://127.0.0.1:${port}/`), { bearer: "t" });
  const { signal } = new AbortController();
  for await (const { object } of client.watch(ConfigMaps, { signal })) {
    assert.equal((object.metadata as { name?: string }).name, "Bearer t");
    break;
  }
  await closed;
  server.close();
});
