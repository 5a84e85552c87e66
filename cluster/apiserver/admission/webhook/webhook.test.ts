import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  EndpointSlices,
  MutatingWebhookConfigurations,
  Namespaces,
  Services,
  ValidatingWebhookConfigurations,
} from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { type Authority, openAuthority } from "@capstan/core/pki";
import { type Serving, serve } from "@capstan/core/wire";
import { attributesFor, createMemoryView, runAdmission, type Write } from "@capstan/testing/view";
import { createRbac } from "../../authorization/index.ts";
import { createMutatingWebhooks, createValidatingWebhooks } from "./plugin.ts";

interface Review {
  apiVersion: string;
  request: Record<string, unknown> & { uid: string; object: { metadata: { labels?: Record<string, string> } } };
}
let directory: string;
let authority: Authority;
let server: Serving;
const calls: { path: string; review: Review }[] = [];

/** Answers of the webhook server by path. */
const answers: Record<string, (review: Review) => object> = {
  "/allow": () => ({ allowed: true, warnings: ["careful"] }),
  "/deny": () => ({ allowed: false, status: { code: 403, message: "no cats" } }),
  "/mute": () => ({ allowed: false }),
  "/label": ({ request }) => ({
    allowed: true,
    patchType: "JSONPatch",
    patch: patch([{ op: "add", path: "/metadata/labels", value: { ...request.object.metadata.labels, seen: "yes" } }]),
  }),
  "/rename": () => ({
    allowed: true,
    patchType: "JSONPatch",
    patch: patch([
      { op: "replace", path: "/metadata/name", value: "other" },
      { op: "add", path: "/data", value: { a: "b" } },
    ]),
  }),
  "/break": () => ({ allowed: true, patchType: "JSONPatch", patch: patch([{ op: "add", path: "/data", value: 5 }]) }),
  "/other": () => ({ allowed: true, uid: "x" }),
  "/old": () => ({ allowed: true, patch: patch([{ op: "add", path: "/data", value: { old: "yes" } }]) }),
};
const patch = (operations: object[]) => Buffer.from(JSON.stringify(operations)).toString("base64");

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "capstan-webhook-"));
  authority = await openAuthority({ directory });
  const tls = await authority.issue({ commonName: "hook", hosts: ["127.0.0.1", "hook.tools.svc"], usages: ["server"] });
  const handler = async ({ url, body, signal }: { url: string; body?: Uint8Array; signal: AbortSignal }) => {
    const path = url.split("?")[0] ?? "";
    const review: Review = JSON.parse(Buffer.from(body ?? []).toString());
    calls.push({ path, review });
    if (path === "/silent") await new Promise((resolve) => signal.addEventListener("abort", resolve));
    const answer = answers[path];
    if (!answer) return { status: 500, headers: {}, body: "broken" };
    // Servers of v1beta1 said little more than their response.
    if (path === "/old") return { status: 200, headers: {}, body: JSON.stringify({ response: answer(review) }) };
    const response = { uid: review.request.uid, ...answer(review) };
    return {
      status: 200,
      headers: {},
      body: JSON.stringify({ kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", response }),
    };
  };
  server = await serve({ handler, port: 0, tls });
});
after(async () => {
  await server?.close();
  await rm(directory, { recursive: true });
});

const rule = { operations: ["*"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] };
const hook = (path: string, rest: object = {}) => ({
  name: `${path.slice(1)}.example.com`,
  clientConfig: { url: server.url + path, caBundle: Buffer.from(authority.cert).toString("base64") },
  rules: [rule],
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  timeoutSeconds: 5,
  ...rest,
});
function cluster({ mutating = [], validating = [] }: { mutating?: object[]; validating?: object[] }) {
  const view = createMemoryView("a", "tools");
  view.put(MutatingWebhookConfigurations, { metadata: { name: "m" }, webhooks: mutating });
  view.put(ValidatingWebhookConfigurations, { metadata: { name: "v" }, webhooks: validating });
  const { authorize } = createRbac(view);
  const plugins = [createMutatingWebhooks(view, authorize, silent), createValidatingWebhooks(view, authorize, silent)];
  const write = async (rest: Partial<Write> = {}) => {
    calls.length = 0;
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", namespace: "a" } };
    return runAdmission(
      plugins,
      attributesFor({ path: "/api/v1/namespaces/a/configmaps", kind: "ConfigMap", object, ...rest }),
    );
  };
  return { view, write };
}
const paths = () => calls.map(({ path }) => path);

test("a webhook sees the write and its answer counts", async () => {
  const { write } = cluster({ validating: [hook("/allow")] });
  const { warnings } = await write({ principal: { name: "jane", groups: ["g"] } });
  assert.deepEqual(warnings, ["careful"]);
  const { request } = calls[0]?.review ?? {};
  assert.partialDeepStrictEqual(request, {
    kind: { group: "", version: "v1", kind: "ConfigMap" },
    resource: { group: "", version: "v1", resource: "configmaps" },
    ...{ name: "x", namespace: "a", operation: "CREATE", dryRun: false, oldObject: null },
    userInfo: { username: "jane", groups: ["g"] },
    object: { metadata: { name: "x" } },
  });
  await assert.rejects(cluster({ validating: [hook("/deny")] }).write(), {
    code: 403,
    message: 'admission webhook "deny.example.com" denied the request: no cats',
  });
  await assert.rejects(cluster({ validating: [hook("/mute")] }).write(), {
    code: 400,
    message: 'admission webhook "mute.example.com" denied the request without explanation',
  });
});

test("a webhook changes the object in place, but not who it is", async () => {
  const { object } = await cluster({ mutating: [hook("/label"), hook("/rename")] }).write();
  assert.deepEqual(object, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "x", namespace: "a", labels: { seen: "yes" } },
    data: { a: "b" },
  });
  assert.deepEqual(calls[1]?.review.request.object.metadata.labels, { seen: "yes" });
  await assert.rejects(cluster({ mutating: [hook("/break")] }).write(), {
    reason: "InternalError",
    message: /gave a patch that does not apply: .*data/,
  });
});

test("a webhook before a change is asked again if it wants to be", async () => {
  const { write } = cluster({
    mutating: [hook("/allow", { reinvocationPolicy: "IfNeeded" }), hook("/label"), hook("/allow")],
  });
  await write();
  assert.deepEqual(paths(), ["/allow", "/label", "/allow", "/allow"]);
});

test("rules and selectors choose", async () => {
  const only = (rest: object) => cluster({ validating: [hook("/deny", rest)] });
  await only({ rules: [{ ...rule, operations: ["UPDATE"] }] }).write();
  await only({ rules: [{ ...rule, resources: ["configmaps/status", "secrets"] }] }).write();
  await only({ rules: [{ ...rule, apiGroups: ["apps"] }] }).write();
  await only({ rules: [{ ...rule, scope: "Cluster" }] }).write();
  await only({ objectSelector: { matchLabels: { watched: "yes" } } }).write();
  await only({ namespaceSelector: { matchLabels: { watched: "yes" } } }).write();
  const everything = [
    { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"], scope: "Namespaced" },
  ];
  await assert.rejects(only({ rules: everything }).write(), /denied/);
  const { view, write } = only({ namespaceSelector: { matchLabels: { watched: "yes" } } });
  view.put(Namespaces, { metadata: { name: "a", labels: { watched: "yes" } } });
  await assert.rejects(write(), /denied/);
  await assert.rejects(
    write({
      operation: "DELETE",
      path: "/api/v1/namespaces/a/configmaps/x",
      object: undefined,
      oldObject: { metadata: { name: "x" } },
    }),
    /denied/,
  );
});

test("what fails counts by its policy", async () => {
  const failing = (path: string, rest: object = {}) => cluster({ validating: [hook(path, rest)] }).write();
  await assert.rejects(failing("/none"), {
    reason: "InternalError",
    message: /failed calling webhook "none.example.com": failed to call webhook: it answered 500: broken/,
  });
  await assert.rejects(failing("/other"), /expected response.uid/);
  await assert.rejects(failing("/silent", { timeoutSeconds: 0.05 }), /no answer within 0.05 s \(timeoutSeconds\)/);
  await assert.rejects(failing("/allow", { clientConfig: { url: `${server.url}/allow` } }), /certificate/);
  await failing("/none", { failurePolicy: "Ignore" });
  await assert.rejects(failing("/deny", { failurePolicy: "Ignore" }), /no cats/);
});

test("a webhook may be a service", async () => {
  const caBundle = Buffer.from(authority.cert).toString("base64");
  const { view, write } = cluster({
    validating: [
      hook("/deny", { clientConfig: { service: { namespace: "tools", name: "hook", path: "/deny" }, caBundle } }),
    ],
  });
  await assert.rejects(write(), /service "hook" not found/);
  view.put(Services, { metadata: { name: "hook", namespace: "tools" }, spec: { ports: [{ port: 443 }] } });
  await assert.rejects(write(), /no endpoints available for service "hook"/);
  const metadata = { name: "hook-1", namespace: "tools", labels: { "kubernetes.io/service-name": "hook" } };
  view.put(EndpointSlices, { metadata, ports: [{ port: server.port }], endpoints: [{ addresses: ["127.0.0.1"] }] });
  await assert.rejects(write(), /no cats/);
});

test("a dry run asks only webhooks without side effects", async () => {
  await cluster({ validating: [hook("/allow")] }).write({ dryRun: true });
  await assert.rejects(
    cluster({ validating: [hook("/allow", { sideEffects: "Some" })] }).write({ dryRun: true }),
    /does not support dry run/,
  );
});

test("webhooks cannot watch over their own configurations", async () => {
  const rules = [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }];
  const { write } = cluster({ validating: [hook("/deny", { rules })] });
  const path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
  await write({ path, kind: "ValidatingWebhookConfiguration", object: { metadata: { name: "w" } } });
});

test("conditions keep a webhook from being asked", async () => {
  const denies = (...expressions: string[]) => {
    const matchConditions = expressions.map((expression, i) => ({ name: `c${i}`, expression }));
    return cluster({ validating: [hook("/deny", { matchConditions })] });
  };
  await denies("object.metadata.name == 'y'").write();
  await denies("request.operation == 'CREATE'", "request.userInfo.username == 'jane'").write();
  await assert.rejects(denies("object.metadata.name == 'x'", "oldObject == null").write(), /no cats/);
  await assert.rejects(
    denies("object.spec.replicas > 1").write(),
    /forbidden: expression .object.spec.replicas > 1. resulted in error: no such key: spec$/,
  );
  await denies("object.spec.replicas > 1", "false").write();
});

test("a webhook is asked in the first version of reviews that it understands", async () => {
  const old = cluster({ mutating: [hook("/old", { admissionReviewVersions: ["v2", "v1beta1", "v1"] })] });
  const { object } = await old.write();
  assert.equal(calls[0]?.review.apiVersion, "admission.k8s.io/v1beta1");
  assert.deepEqual((object as { data?: object }).data, { old: "yes" });
  const strict = cluster({ mutating: [hook("/old", { admissionReviewVersions: ["v1", "v1beta1"] })] });
  await assert.rejects(strict.write(), /expected webhook response of admission.k8s.io\/v1/);
});
