// Create and get: what a fresh object looks like, and which are refused.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openSubject, type Subject } from "./subject.ts";

let subject: Subject;
let namespace: string;
before(async () => {
  subject = await openSubject();
  namespace = await subject.namespace();
});
after(() => subject[Symbol.asyncDispose]());

const configMaps = () => `/api/v1/namespaces/${namespace}/configmaps`;

test("an object is made once", async () => {
  const body = { metadata: { name: "once" }, data: { a: "1" } };
  const made = await subject.send("POST", configMaps(), { body });
  assert.equal(made.status, 201);
  const again = await subject.send("POST", configMaps(), { body });
  assert.deepEqual(again.json, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: 'configmaps "once" already exists',
    reason: "AlreadyExists",
    details: { name: "once", kind: "configmaps" },
    code: 409,
  });
});
