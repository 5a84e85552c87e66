import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { beforeEach, test } from "node:test";
import type { TokenRequest, TokenReview } from "@capstan/api/generated/authentication-v1";
import { type KubeObject, keyOf, type ObjectRef, type Resource, StatusError } from "@capstan/api/meta";
import type { HttpRequest, Principal } from "@capstan/base/http";
import { createTokenSigner } from "@capstan/core/pki";
import type { Attributes, Endpoint, EndpointCall, View } from "../request.ts";
import { requestInfoOf } from "../request-info.ts";
import { createAuthentication } from "./index.ts";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const issuer = "https://kubernetes.default.svc.cluster.local";
let now = Date.parse("2030-01-01T00:00:00Z");
const objects = new Map<string, KubeObject>();
const put = (resource: string, ref: ObjectRef, rest: object = {}) =>
  objects.set(`${resource}/${keyOf(ref)}`, {
    apiVersion: "v1",
    kind: "",
    metadata: { ...ref, uid: `uid-${ref.name}` },
    ...rest,
  });
const view: View = {
  get: <T extends KubeObject>(resource: Resource<T>, ref: ObjectRef) =>
    objects.get(`${resource.resource}/${keyOf(ref)}`) as T | undefined,
  list: () => [],
  resource: () => undefined,
  resourceOfKind: () => undefined,
};
const extension = createAuthentication({ signer: createTokenSigner(privateKey), clock: () => now })(view);

beforeEach(() => {
  objects.clear();
  put("serviceaccounts", { namespace: "a", name: "robot" });
  put("pods", { namespace: "a", name: "p" }, { spec: { serviceAccountName: "robot", nodeName: "n" } });
  put("pods", { namespace: "a", name: "other" }, { spec: { serviceAccountName: "default" } });
  put("nodes", { name: "n" });
});

async function identify(rest: Partial<HttpRequest>): Promise<Principal | undefined> {
  let seen: HttpRequest | undefined;
  const [interceptor] = extension.interceptors ?? [];
  assert.ok(interceptor);
  const handler = interceptor(async (request) => {
    seen = request;
    return { status: 200, headers: {} };
  });
  await handler({ method: "GET", url: "/api/v1/pods", headers: {}, signal: new AbortController().signal, ...rest });
  assert.equal(seen?.headers.authorization, undefined);
  return seen?.principal;
}
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const unauthorized = { reason: "Unauthorized", message: "Unauthorized" };

async function call<T>(path: string, object: object, principal?: Principal): Promise<T> {
  const info = requestInfoOf("POST", path);
  const found = extension.endpoints?.find(
    (e: Endpoint) => e.resource === info.resource && e.subresource === info.subresource,
  );
  assert.ok(found?.create);
  const given = { info, object, principal: principal ?? { name: "me", groups: [] } } as unknown as EndpointCall;
  return (await found.create(given)) as T;
}
const tokenFor = async (spec: object = {}, account = "robot") =>
  (await call<TokenRequest>(`/api/v1/namespaces/a/serviceaccounts/${account}/token`, { spec })).status?.token ?? "";
const review = (token: string, audiences?: string[]) =>
  call<TokenReview>("/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token, audiences } });

test("a client certificate names a user and groups, and no header does", async () => {
  const certificate = { commonName: "jane", organizations: ["devs"] };
  assert.deepEqual(await identify({ peer: { address: "127.0.0.1", certificate } }), {
    name: "jane",
    groups: ["devs", "system:authenticated"],
  });
  const headers = { "x-remote-user": "admin", "x-remote-group": "system:masters", "impersonate-user": "admin" };
  assert.equal((await identify({ headers }))?.name, "system:anonymous");
  const basic = { authorization: "Basic YWRtaW46YWRtaW4=" };
  assert.equal((await identify({ headers: basic }))?.name, "system:anonymous");
});

test("who shows nothing is anonymous, who shows something wrong is nobody", async () => {
  for (const url of ["/healthz", "/version", "/api", "/metrics"]) {
    assert.deepEqual(await identify({ url }), { name: "system:anonymous", groups: ["system:unauthenticated"] });
    await assert.rejects(identify({ url, headers: { authorization: "Bearer x" } }), unauthorized);
    await assert.rejects(identify({ url, peer: { address: "127.0.0.1", refusedCertificate: true } }), unauthorized);
  }
});

test("a token of a service account speaks for it until it ends", async () => {
  const token = await tokenFor({ expirationSeconds: 600 });
  const principal = await identify(bearer(token));
  assert.equal(principal?.name, "system:serviceaccount:a:robot");
  assert.equal(principal?.uid, "uid-robot");
  assert.deepEqual(principal?.groups, ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"]);
  now += 600_000;
  await assert.rejects(identify(bearer(token)), unauthorized);
});

test("a token ends with its account, even when another of that name follows", async () => {
  const token = await tokenFor();
  objects.delete("serviceaccounts/a/robot");
  await assert.rejects(identify(bearer(token)), unauthorized);
  put("serviceaccounts", { namespace: "a", name: "robot" }, { metadata: { name: "robot", uid: "another" } });
  await assert.rejects(identify(bearer(token)), unauthorized);
});

test("a token bound to a pod ends with it, and says which pod and node", async () => {
  const token = await tokenFor({ boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p", uid: "uid-p" } });
  const principal = await identify(bearer(token));
  assert.deepEqual(principal?.extra?.["authentication.kubernetes.io/pod-uid"], ["uid-p"]);
  assert.deepEqual(principal?.extra?.["authentication.kubernetes.io/node-name"], ["n"]);
  objects.delete("pods/a/p");
  await assert.rejects(identify(bearer(token)), unauthorized);
  await assert.rejects(tokenFor({ boundObjectRef: { kind: "Pod", name: "p" } }), { reason: "NotFound" });
  await assert.rejects(tokenFor({ boundObjectRef: { kind: "Pod", name: "other" } }), /different serviceaccount name/);
  await assert.rejects(tokenFor({ boundObjectRef: { kind: "Node", name: "n", uid: "x" } }), { reason: "Conflict" });
});

test("lifetimes out of bounds and unknown accounts are refused", async () => {
  await assert.rejects(tokenFor({ expirationSeconds: 599 }), (error: unknown) => {
    assert.ok(error instanceof StatusError);
    assert.equal(error.details?.causes?.[0]?.field, "spec.expirationSeconds");
    return error.reason === "Invalid";
  });
  await assert.rejects(tokenFor({ expirationSeconds: 2 ** 33 }), { reason: "Invalid" });
  await assert.rejects(tokenFor({}, "nobody"), /serviceaccounts "nobody" not found/);
});

test("a token for another audience does not call the API, but a review for that audience accepts it", async () => {
  const token = await tokenFor({ audiences: ["vault"] });
  await assert.rejects(identify(bearer(token)), unauthorized);
  assert.match((await review(token)).status?.error ?? "", /is invalid for the target audiences/);
  const { status, spec } = await review(token, ["vault", "x"]);
  assert.deepEqual([status?.authenticated, status?.audiences], [true, ["vault"]]);
  assert.equal(status?.user?.username, "system:serviceaccount:a:robot");
  assert.equal(spec.token, undefined);
});

test("a review of anything else says no", async () => {
  assert.equal((await review("x.y.z")).status?.authenticated, undefined);
  await assert.rejects(review(""), { reason: "BadRequest" });
  const { privateKey: stranger } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const forged = createTokenSigner(stranger).sign({
    ...{ iss: issuer, aud: [issuer], iat: 0, nbf: 0, exp: 9e9, sub: "system:serviceaccount:a:robot" },
    "kubernetes.io": { namespace: "a", serviceaccount: { name: "robot", uid: "uid-robot" } },
  });
  assert.equal((await review(forged)).status?.authenticated, undefined);
  await assert.rejects(identify(bearer(forged)), unauthorized);
});

test("a caller can ask who it is", async () => {
  const answer = await call<object>(
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    {},
    { name: "jane", groups: ["g"] },
  );
  assert.partialDeepStrictEqual(answer, { status: { userInfo: { username: "jane", groups: ["g"] } } });
});

test("a Secret made to hold a token gets one, which ends with it", async () => {
  put("configmaps", { namespace: "a", name: "kube-root-ca.crt" }, { data: { "ca.crt": "PEM" } });
  const annotations = { "kubernetes.io/service-account.name": "robot" };
  const metadata = { name: "s", namespace: "a", uid: "uid-s", annotations };
  const object: { data?: Record<string, string> } = { metadata, type: "kubernetes.io/service-account-token" } as object;
  const path = "/api/v1/namespaces/a/secrets";
  const attributes = { operation: "CREATE", info: requestInfoOf("POST", path), object } as unknown as Attributes;
  for (const plugin of extension.admission ?? []) await plugin.admit?.(attributes);
  const text = (key: string) => Buffer.from(object.data?.[key] ?? "", "base64").toString();
  assert.deepEqual([text("namespace"), text("ca.crt")], ["a", "PEM"]);
  await assert.rejects(identify(bearer(text("token"))), unauthorized);
  put("secrets", { namespace: "a", name: "s" });
  assert.equal((await identify(bearer(text("token"))))?.name, "system:serviceaccount:a:robot");
});

const base64 = (fields: Record<string, string>) =>
  Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, Buffer.from(text).toString("base64")]));
const bootstrap = {
  "token-id": "abcdef",
  "token-secret": "0123456789abcdef",
  "usage-bootstrap-authentication": "true",
  "auth-extra-groups": "system:bootstrappers:domain:alice",
};
const token = "abcdef.0123456789abcdef";
const secret = { namespace: "kube-system", name: "bootstrap-token-abcdef" };
const type = "bootstrap.kubernetes.io/token";

test("a bootstrap token speaks for a node that joins", async () => {
  put("secrets", secret, { type, data: base64(bootstrap) });
  assert.deepEqual(await identify(bearer(token)), {
    name: "system:bootstrap:abcdef",
    groups: ["system:bootstrappers", "system:bootstrappers:domain:alice", "system:authenticated"],
  });
});

const wrong: [what: string, fields: Record<string, string>, kind?: string][] = [
  ["with another secret", { ...bootstrap, "token-secret": "fedcba9876543210" }],
  ["that has expired", { ...bootstrap, expiration: "2029-12-31T23:59:59Z" }],
  ["whose end is no time", { ...bootstrap, expiration: "soon" }],
  ["that is for other things", { ...bootstrap, "usage-bootstrap-authentication": "false" }],
  ["with a group of somebody else's", { ...bootstrap, "auth-extra-groups": "system:masters" }],
  ["in a Secret of another type", bootstrap, "Opaque"],
];
for (const [what, fields, kind = type] of wrong) {
  test(`a bootstrap token ${what} is refused`, async () => {
    put("secrets", secret, { type: kind, data: base64(fields) });
    await assert.rejects(identify(bearer(token)), unauthorized);
  });
}
