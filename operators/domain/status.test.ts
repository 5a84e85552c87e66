import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "@capstan/api/generated/core-v1";
import { changed, nodeStatuses } from "./status.ts";

const node = (name: string, ready: string | undefined): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  spec: {},
  status: {
    ...(ready ? { conditions: [{ type: "Ready", status: ready, lastHeartbeatTime: "2026-01-01T00:00:00Z" }] } : {}),
  },
});

test("False, Unknown and absent readiness are all NotReady", () => {
  const statuses = nodeStatuses([node("c", "Unknown"), node("a", "True"), node("b", "False"), node("d", undefined)]);
  assert.deepEqual(
    statuses.map(({ name, status }) => `${name}:${status}`),
    ["a:Ready", "b:NotReady", "c:NotReady", "d:NotReady"],
  );
});

test("a heartbeat alone is no change; no nodes and no list are the same", () => {
  const before = nodeStatuses([node("a", "True")]);
  const later = before.map((status) => ({ ...status, lastHeartbeatTime: "2026-01-01T00:00:10Z" }));
  assert.equal(changed(before, later), false);
  assert.equal(changed(undefined, []), false);
  assert.equal(changed(before, nodeStatuses([node("a", "False")])), true);
});
