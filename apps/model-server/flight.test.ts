import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred } from "@capstan/base/async";
import type { HttpResponse } from "@capstan/base/http";
import { createFlight } from "./flight.ts";

const signal = new AbortController().signal;
const request = { method: "GET", url: "/", headers: {}, signal };

test("waits for the answers that have begun, and closes their connections", async () => {
  const answer = deferred<HttpResponse>();
  const flight = createFlight(() => answer.promise);
  const first = flight.handler(request);
  let idle = false;
  const waiting = flight.idle(signal).then(() => {
    idle = true;
  });
  answer.resolve({ status: 200, headers: {} });
  assert.equal(idle, false);
  assert.equal((await first).headers.connection, "close");
  await waiting;
});

test("does not wait beyond its limit, nor when there is nothing to wait for", async () => {
  await createFlight(async () => ({ status: 200, headers: {} })).idle(signal);
  const stuck = createFlight(() => new Promise(() => undefined));
  void stuck.handler(request);
  await stuck.idle(AbortSignal.abort());
});
