import assert from "node:assert/strict";
import { Namespaces } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import type { TestCluster } from "../cluster/index.ts";
import { nextHostile } from "./hostile.ts";
import { createRandom, type FuzzRequest, nextRequest } from "./requests.ts";

export interface FuzzReport {
  /** How often each status was answered. */
  codes: Map<number, number>;
  /** The request that took longest, and its milliseconds. */
  slowest: { request: string; milliseconds: number };
}

/**
 * Sends a stream of requests that a seed repeats, one in three of them hostile. Fails when the server fails: an error that
 * is no Status, an InternalError, or a server that no longer serves.
 */
export async function fuzz(cluster: TestCluster, count: number, seed: number): Promise<FuzzReport> {
  const random = createRandom(seed);
  const codes = new Map<number, number>();
  const slowest = { request: "", milliseconds: 0 };
  for (let i = 0; i < count; i++) {
    const request = random() < 1 / 3 ? nextHostile(random) : nextRequest(random);
    const began = performance.now();
    const code = await send(cluster, request, i);
    const milliseconds = performance.now() - began;
    // A revision that is still to come is waited for, and answered 504.
    if (code !== 504 && milliseconds > slowest.milliseconds)
      Object.assign(slowest, { request: describe(request), milliseconds });
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  assert.equal((await cluster.client.get(Namespaces, { name: "default" })).status?.phase, "Active");
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  return { codes, slowest };
}

async function send(cluster: TestCluster, request: FuzzRequest, i: number): Promise<number> {
  const leave = new AbortController();
  try {
    return (await cluster.client.request({ ...request, signal: leave.signal })).status;
  } catch (thrown) {
    assert.ok(thrown instanceof StatusError, String(thrown));
    // Upstream answers a few mistakes of clients with 500 and no reason: those are answers.
    assert.notEqual(thrown.reason, "InternalError", `request ${i}: ${describe(request)}: ${thrown.message}`);
    return thrown.code;
  } finally {
    // Who asked for a stream goes away.
    leave.abort();
  }
}

function describe({ method, url, body }: FuzzRequest): string {
  return `${method} ${url.slice(0, 300)} ${body ? new TextDecoder().decode(body.subarray(0, 1000)) : ""}`;
}
