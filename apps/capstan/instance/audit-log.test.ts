import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AuditEvent } from "@capstan/cluster/apiserver/audit";
import { openAuditLog, readAuditPolicy } from "./audit-log.ts";

function temporary() {
  const path = mkdtempSync(join(tmpdir(), "capstan-audit-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
const event = (n: number) => ({ kind: "Event", auditID: `${n}`, userAgent: "x".repeat(80) }) as AuditEvent;
const idsOf = (file: string) =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).auditID);

test("events are lines of a file for its owner alone, and appended to those of an earlier start", () => {
  using at = temporary();
  const file = join(at.path, "new", "audit.log");
  openAuditLog(file)(event(1));
  openAuditLog(file)(event(2));
  assert.deepEqual(idsOf(file), ["1", "2"]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("a full file gets a successor, and the oldest goes", () => {
  using at = temporary();
  const file = join(at.path, "audit.log");
  const write = openAuditLog(file, { limit: 300, kept: 2 });
  for (let n = 1; n <= 9; n++) write(event(n));
  assert.deepEqual(readdirSync(at.path).sort(), ["audit.log", "audit.log.1", "audit.log.2"]);
  assert.deepEqual(idsOf(file), ["9"]);
  assert.deepEqual(idsOf(`${file}.1`), ["7", "8"]);
  assert.deepEqual(idsOf(`${file}.2`), ["5", "6"]);
});

test("a disk that is full is told once", () => {
  const told: unknown[] = [];
  const write = openAuditLog("/dev/full", { failed: (error) => told.push(error) });
  for (let n = 1; n <= 3; n++) write(event(n));
  assert.equal(told.length, 1);
  assert.match(String(told[0]), /ENOSPC/);
});

test("a path that cannot be opened and a policy that is wrong are named", async () => {
  using at = temporary();
  assert.throws(() => openAuditLog(at.path), /--audit-log .*EISDIR/);
  const file = join(at.path, "policy.yaml");
  writeFileSync(file, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadat\n");
  await assert.rejects(readAuditPolicy(file), /policy\.yaml: policy\.rules\[0\]\.level: "Metadat" is not one of/);
  await assert.rejects(readAuditPolicy(join(at.path, "absent")), /--audit-policy .*absent: ENOENT/);
});
