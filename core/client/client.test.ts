import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, Pods } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import { createClient, readLines } from "./index.ts";

/** Records what is asked, and answers with what the test wants. */
function server(answer: Partial<HttpResponse>): { handler: Handler; asked: HttpRequest[] } {
  const asked: HttpRequest[] = [];
  const handler: Handler = async (request) => {
    asked.push(request);
    return { status: 200, headers: {}, ...answer };
  };
  return { handler, asked };
}
const bodyOf = (request: HttpRequest | undefined) => JSON.parse(new TextDecoder().decode(request?.body));

test("every verb asks for its path, with its body's type", async () => {
  const { handler, asked } = server({ body: "{}" });
  const client = createClient(handler);
  const ref = { namespace: "a", name: "x" };
  await client.get(ConfigMaps, ref);
  await client.create(ConfigMaps, { metadata: ref }, { dryRun: true, fieldManager: "me" });
  await client.update(ConfigMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: ref });
  await client.patch(Pods, ref, { type: "strategic", body: {} }, { subresource: "status" });
  await client.apply(ConfigMaps, { metadata: ref }, { fieldManager: "me", force: true });
  await client.delete(Pods, ref, { propagationPolicy: "Orphan" });
  const got = asked.map(({ method, url, headers }) => `${method} ${url} ${headers["content-type"] ?? "-"}`);
  assert.deepEqual(got, [
    "GET /api/v1/namespaces/a/configmaps/x -",
    "POST /api/v1/namespaces/a/configmaps?dryRun=All&fieldManager=me application/json",
    "PUT /api/v1/namespaces/a/configmaps/x application/json",
    "PATCH /api/v1/namespaces/a/pods/x/status application/strategic-merge-patch+json",
    "PATCH /api/v1/namespaces/a/configmaps/x?fieldManager=me&force=true application/apply-patch+yaml",
    "DELETE /api/v1/namespaces/a/pods/x application/json",
  ]);
  assert.deepEqual(bodyOf(asked[1]), { apiVersion: "v1", kind: "ConfigMap", metadata: ref });
  assert.equal(bodyOf(asked[5]).propagationPolicy, "Orphan");
});

test("the principal, the user agent and the present token go with each request", async () => {
  const { handler, asked } = server({ body: "{}" });
  const principal = { name: "me", groups: [] };
  let token = "first";
  const client = createClient(handler, { principal, userAgent: "part/1", bearer: () => token });
  await client.get(Pods, { name: "x" });
  token = "second";
  await client.get(Pods, { name: "x" });
  assert.deepEqual(
    asked.map(({ headers }) => headers.authorization),
    ["Bearer first", "Bearer second"],
  );
  assert.equal(asked[0]?.principal, principal);
  assert.equal(asked[0]?.headers["user-agent"], "part/1");
});

test("an unsuccessful answer is a StatusError, whether or not it is a Status", async () => {
  const status = { kind: "Status", reason: "AlreadyExists", code: 409, message: "there", details: { name: "x" } };
  const refused = createClient(server({ status: 409, body: JSON.stringify(status) }).handler);
  await assert.rejects(
    refused.get(Pods, { name: "x" }),
    (error) => isReason(error, "AlreadyExists") && error.details?.name === "x",
  );
  const proxy = createClient(server({ status: 503, body: "<html>down</html>" }).handler);
  await assert.rejects(
    proxy.get(Pods, { name: "x" }),
    (error) => isReason(error, "ServiceUnavailable") && error.message === "<html>down</html>",
  );
  const absent = createClient(server({ status: 404, body: "" }).handler);
  assert.equal(await absent.find(Pods, { name: "x" }), undefined);
});

test("list items carry their kind, as the server omits it", async () => {
  const body = JSON.stringify({
    metadata: { resourceVersion: "7", continue: "next" },
    items: [{ metadata: { name: "x" } }],
  });
  const answer = await createClient(server({ body }).handler).list(Pods, { limit: 1 });
  assert.deepEqual([answer.items[0]?.kind, answer.resourceVersion, answer.continue], ["Pod", "7", "next"]);
});

test("a watch gives events as they come, however they are cut, and throws what the server reports", async () => {
  const lines = [
    { type: "ADDED", object: { metadata: { name: "naïve-✓" } } },
    { type: "BOOKMARK", object: { metadata: { resourceVersion: "5" } } },
    { type: "ERROR", object: { code: 410, reason: "Expired", message: "too old" } },
  ];
  const bytes = new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const singly = async function* () {
    for (const byte of bytes) yield Uint8Array.of(byte);
  };
  const { handler, asked } = server({ body: singly() });
  const seen: string[] = [];
  const { signal } = new AbortController();
  const read = async () => {
    for await (const event of createClient(handler).watch(Pods, { signal, namespace: "a" })) {
      seen.push(`${event.type} ${JSON.stringify(event.object.metadata)}`);
    }
  };
  await assert.rejects(read, (error) => isReason(error, "Expired"));
  assert.deepEqual(seen, ['ADDED {"name":"naïve-✓"}', 'BOOKMARK {"resourceVersion":"5"}']);
  const query = "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  assert.equal(asked[0]?.url, `/api/v1/namespaces/a/pods?${query}`);
});

test("aborting a watch ends it without an error", async () => {
  const stop = new AbortController();
  const handler: Handler = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const read = (async () => {
    for await (const _ of createClient(handler).watch(Pods, { signal: stop.signal }));
  })();
  stop.abort();
  await read;
});

test("lines are found across chunks, and the last needs no newline", async () => {
  const chunks = ["a\nb", "c\n\n", "d"].map((text) => new TextEncoder().encode(text));
  const stream = async function* () {
    yield* chunks;
  };
  const lines: string[] = [];
  for await (const line of readLines(stream())) lines.push(line);
  assert.deepEqual(lines, ["a", "bc", "d"]);
});
