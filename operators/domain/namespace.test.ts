import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace } from "@capstan/api/generated/core-v1";
import type { Domain } from "@capstan/api/kinds/domain";
import { syncedLabels } from "./namespace.ts";

const domain = (spec: Domain["spec"]): Domain => ({
  apiVersion: "kuscia.secretflow/v1alpha1",
  kind: "Domain",
  metadata: { name: "alice" },
  spec,
});
const namespace = (labels: Record<string, string>): Namespace => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "alice", labels },
  spec: {},
});

test("a revived domain loses the deleted label, and labels of others stay", () => {
  const old = namespace({ "kuscia.secretflow/deleted": "true", team: "risk" });
  const labels = syncedLabels(old, domain({ role: "partner", interConnProtocols: ["bfia", "kuscia"] }));
  assert.deepEqual(labels, {
    team: "risk",
    "kuscia.secretflow/domain-name": "alice",
    "kuscia.secretflow/role": "partner",
    "kuscia.secretflow/interconn-protocols": "bfia",
  });
});

test("an empty role removes its label", () => {
  const old = namespace({ "kuscia.secretflow/domain-name": "alice", "kuscia.secretflow/role": "partner" });
  assert.deepEqual(syncedLabels(old, domain({ role: "" })), { "kuscia.secretflow/domain-name": "alice" });
});

test("labels that are right already are left alone", () => {
  const old = namespace({ "kuscia.secretflow/domain-name": "alice" });
  assert.equal(syncedLabels(old, domain({})), undefined);
});
