import assert from "node:assert/strict";
import { test } from "node:test";
import { Namespaces } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { TestCluster } from "../cluster/index.ts";
import { createRandom, nextRequest } from "./requests.ts";

/** Enough to reach every verb with every kind; a longer run takes another seed and count. */
const count = 3000;
const seed = 20_260_101;

test("no request makes the server fail", async () => {
  await using cluster = await TestCluster.start();
  const random = createRandom(seed);
  const codes = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const request = nextRequest(random);
    const code = await cluster.client.request(request).then(
      async ({ status, body }) => {
        if (body && !(body instanceof Uint8Array) && typeof body !== "string") for await (const _chunk of body) break;
        return status;
      },
      (thrown: unknown) => {
        assert.ok(thrown instanceof StatusError, String(thrown));
        const text = request.body ? new TextDecoder().decode(request.body) : "";
        // Some refusals are a 500 without a reason upstream, and so here.
        assert.notEqual(
          thrown.reason,
          "InternalError",
          `request ${i}: ${request.method} ${request.url} ${text}: ${thrown.message}`,
        );
        return thrown.code;
      },
    );
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  for (const code of [200, 201, 400, 404, 409, 415, 422])
    assert.ok((codes.get(code) ?? 0) > 0, `no answer was ${code}`);
  assert.equal((await cluster.client.get(Namespaces, { name: "default" })).status?.phase, "Active");
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});
