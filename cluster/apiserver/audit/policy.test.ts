import assert from "node:assert/strict";
import { test } from "node:test";
import { requestInfoOf } from "../request-info.ts";
import { parseAuditPolicy } from "./index.ts";

const policy = (...rules: object[]) => parseAuditPolicy({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules });
const jane = { name: "jane", groups: ["devs"] };

test("the first rule that holds decides", () => {
  const decide = policy(
    { level: "None", users: ["system:node"] },
    { level: "None", verbs: ["watch"] },
    { level: "Metadata", resources: [{ resources: ["configmaps"], resourceNames: ["chosen"] }] },
    { level: "Request", userGroups: ["devs"], resources: [{ group: "apps" }], namespaces: ["web"] },
    { level: "RequestResponse", resources: [{ resources: ["pods/*", "*/scale"] }] },
    { level: "Metadata", nonResourceURLs: ["/healthz*", "/version"] },
  );
  const cases: [string, string, string, string?][] = [
    ["GET", "/api/v1/pods", "None", "system:node"],
    ["GET", "/api/v1/pods?watch=true", "None"],
    ["GET", "/api/v1/namespaces/a/configmaps/chosen", "Metadata"],
    ["GET", "/api/v1/namespaces/a/configmaps/other", "None"],
    ["POST", "/apis/apps/v1/namespaces/web/deployments", "Request"],
    ["POST", "/apis/apps/v1/namespaces/other/deployments", "None"],
    ["POST", "/apis/apps/v1/namespaces/web/deployments", "None", "john"],
    ["GET", "/api/v1/namespaces/a/pods/x/log", "RequestResponse"],
    ["GET", "/api/v1/namespaces/a/pods/x", "None"],
    ["GET", "/api/v1/namespaces/a/replicationcontrollers/x/scale", "RequestResponse"],
    ["GET", "/healthz/etcd", "Metadata"],
    ["GET", "/version", "Metadata"],
    ["GET", "/versions", "None"],
  ];
  for (const [method, url, level, name] of cases) {
    const principal = name ? { name, groups: [] } : jane;
    assert.equal(decide(principal, requestInfoOf(method, url)).level, level, `${name ?? "jane"} ${method} ${url}`);
  }
});

test("stages and managed fields: a rule adds to what the policy says of all", () => {
  const decide = parseAuditPolicy({
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitStages: ["RequestReceived"],
    omitManagedFields: true,
    rules: [{ level: "Metadata", omitStages: ["ResponseStarted"], omitManagedFields: false }],
  });
  const { omitStages, omitManagedFields } = decide(jane, requestInfoOf("GET", "/api/v1/pods"));
  assert.deepEqual(omitStages, ["RequestReceived", "ResponseStarted"]);
  assert.equal(omitManagedFields, false);
});

for (const [rule, expected] of [
  [{ level: "Most" }, /^Error: policy\.rules\[0\]\.level: "Most" is not one of None/],
  [{}, /rules\[0\]\.level: is missing/],
  [{ level: "None", user: ["a"] }, /rules\[0\]\.user: unknown field, did you mean users\?/],
  [{ level: "None", verbs: "get" }, /rules\[0\]\.verbs: must be a list/],
  [{ level: "None", resources: [{ resourceNames: ["a"] }] }, /resources\[0\]\.resourceNames: needs resources/],
  [{ level: "None", nonResourceURLs: ["/a*b"] }, /nonResourceURLs: "\/a\*b"/],
  [{ level: "None", nonResourceURLs: ["/a"], namespaces: ["b"] }, /cannot stand with resources or namespaces/],
] as const) {
  test(`refuses ${JSON.stringify(rule)}`, () => assert.throws(() => policy(rule), expected));
}

test("refuses another kind, and a policy without rules", () => {
  assert.throws(() => parseAuditPolicy({ apiVersion: "v1", kind: "Policy" }), /apiVersion must be/);
  assert.throws(() => policy(), /needs at least one rule/);
  assert.throws(() => parseAuditPolicy("None"), /must be an object/);
});
