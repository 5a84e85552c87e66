import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { silent as log } from "@capstan/base/log";
import { openSpdyClient, openSpdySession } from "./session.ts";

async function pair(): Promise<[Socket, Socket, () => void]> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect(port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  return [client, accepted, () => server.close()];
}

test("a client's streams arrive with their headers, and both sides end on their own", async () => {
  const [one, other, close] = await pair();
  const client = openSpdyClient(one, new Uint8Array(0), log);
  const session = openSpdySession(other, new Uint8Array(0), log);
  const serving = (async () => {
    for await (const stream of session.streams) {
      void (async () => {
        for await (const data of stream) await stream.write(data);
        await stream.write(Buffer.from(` ${stream.headers.get("streamtype")} over`));
        await stream.end();
      })();
    }
  })();
  const streams = await Promise.all(["data", "error"].map((type) => client.open(new Map([["streamType", type]]))));
  for (const [index, stream] of streams.entries()) {
    assert.equal(stream.id, 1 + 2 * index);
    await stream.write(Buffer.from("ping"));
    await stream.end();
  }
  const texts = [];
  for (const stream of streams) {
    const parts: Uint8Array[] = [];
    for await (const data of stream) parts.push(data);
    texts.push(Buffer.concat(parts).toString());
  }
  assert.deepEqual(texts, ["ping data over", "ping error over"]);
  client.close();
  await Promise.all([serving, client.closed, session.closed]);
  close();
});

test("a slow reader holds the sender back and loses nothing", async () => {
  const [one, other, close] = await pair();
  const client = openSpdyClient(one, new Uint8Array(0), log);
  const session = openSpdySession(other, new Uint8Array(0), log);
  const size = 32 * 1024 * 1024;
  const stream = await client.open(new Map([["streamtype", "data"]]));
  const sending = (async () => {
    for await (const opened of session.streams) {
      await opened.write(Buffer.alloc(size, 1));
      return await opened.end();
    }
  })();
  let got = 0;
  for await (const data of stream) {
    if (got === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(one.bytesRead < size, "the rest waits at the sender");
    }
    got += data.length;
  }
  assert.equal(got, size);
  await sending;
  client.close();
  await Promise.all([client.closed, session.closed]);
  close();
});
