// Clients that read or write slowly, or speak no HTTP: they are closed or waited for, and others are served meanwhile.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { ConfigMaps, Namespaces } from "@capstan/api/generated/resources";
import { TestCluster } from "../cluster/index.ts";

const serves = async (cluster: TestCluster) =>
  assert.equal((await cluster.client.get(Namespaces, { name: "default" })).status?.phase, "Active");

async function open(port: number, text: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

test("a watcher that does not read is told so and closed", async () => {
  await using cluster = await TestCluster.start();
  const { port } = await cluster.listen();
  const name = { namespace: "default", name: "big" };
  await cluster.client.create(ConfigMaps, { metadata: name });
  const path = "/api/v1/namespaces/default/configmaps?watch=true";
  const watcher = await open(port, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  await once(watcher, "readable");
  // More than the kernel's buffers and a watch's queue of 4096 take.
  const data = { fill: "x".repeat(16 * 1024) };
  for (let i = 0; i < 5500; i++) {
    const body = { data: { ...data, i: String(i) } };
    await cluster.client.patch(ConfigMaps, name, { type: "merge", body });
  }
  let size = 0;
  let end = "";
  for await (const chunk of watcher as AsyncIterable<Buffer>) {
    size += chunk.length;
    end = (end + chunk.toString("latin1")).slice(-1000);
  }
  assert.ok(size < 5500 * 16 * 1024, `${size} bytes were kept for a client that did not read`);
  assert.match(end, /"type":"ERROR".*"reason":"Expired".*"code":410/);
  await serves(cluster);
});

test("bodies that never end hold up nobody", async () => {
  await using cluster = await TestCluster.start();
  const { port } = await cluster.listen();
  const head = "POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
  const sockets = await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      open(
        port,
        `${head}${i % 2 ? "content-length: 3000000" : "transfer-encoding: chunked"}\r\n\r\n${i % 2 ? "{" : "1\r\n{\r\n"}`,
      ),
    ),
  );
  await serves(cluster);
  for (const socket of sockets) socket.destroy();
  await serves(cluster);
});

test("what is no HTTP is refused", async () => {
  await using cluster = await TestCluster.start();
  const { port } = await cluster.listen();
  const texts = [
    "\u0000\u0001\u0002\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET /api HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "POST /api HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    `GET /api HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(300 * 1024)}\r\n\r\n`,
    `GET /${"z".repeat(300 * 1024)} HTTP/1.1\r\nhost: x\r\n\r\n`,
  ];
  for (const text of texts) {
    const socket = await open(port, text);
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    // An error comes before it when the server closes while we still write.
    if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
    assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/, text.slice(0, 60));
  }
  await serves(cluster);
});
