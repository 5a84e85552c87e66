import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TokenRequest } from "@capstan/api/generated/authentication-v1";
import { InferenceServices } from "@capstan/api/kinds/serving";
import { WebSocket } from "ws";
import { type Running, runConsole } from "../../../testing/console/run.ts";
import { textOf } from "./body.ts";

let running: Running;
before(async () => {
  running = await runConsole();
});
after(() => running[Symbol.asyncDispose]());

const own = { "x-capstan-console": "none", "content-type": "application/json" };

const json = { "content-type": "application/json" };

/** What a browser holds after a login. */
interface Login {
  cookie: string;
  key: string;
}

async function call(path: string, init: RequestInit & { as?: Login } = {}) {
  const { as, headers, ...rest } = init;
  const session: Record<string, string> = as ? { cookie: as.cookie, "x-capstan-console": as.key } : {};
  const all = { ...session, ...(headers as Record<string, string>) };
  const answer = await fetch(running.url + path, { redirect: "manual", ...rest, headers: all });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text };
}

async function logIn(proof: object) {
  const answer = await call("/login", { method: "POST", headers: own, body: JSON.stringify(proof) });
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";", 1)[0] as string;
  const { key = "" } = JSON.parse(answer.text);
  return { ...answer, as: { cookie, key } as Login };
}

const asAdmin = async () => (await logIn({ oneTime: await running.login() })).as;

async function tokenOf(namespace: string, name: string): Promise<string> {
  const answer = await running.cluster.client.request({
    method: "POST",
    url: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    headers: { "content-type": "application/json" },
    body: Buffer.from('{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}'),
  });
  return (JSON.parse(await textOf(answer)) as TokenRequest).status?.token ?? "";
}

test("without a session the API is closed and pages lead to the login", async () => {
  for (const path of ["/k8s/api/v1/pods", "/session", "/predict/quickstart/islands/v1/models/islands:predict"]) {
    assert.equal((await call(path)).status, 401, path);
  }
  const page = await call("/workflows/a/b?node=c");
  assert.equal(page.status, 302);
  assert.equal(page.headers.get("location"), "/login?next=%2Fworkflows%2Fa%2Fb%3Fnode%3Dc");
  const forged = { "x-remote-user": "admin", "x-remote-group": "system:masters", cookie: "capstan_session=forged" };
  assert.equal((await call("/k8s/api/v1/pods", { headers: forged })).status, 401);
});

test("a one-time login works once and speaks for the administrator", async () => {
  const oneTime = await running.login();
  const { status, as } = await logIn({ oneTime });
  assert.equal(status, 200);
  const again = await logIn({ oneTime });
  assert.deepEqual([again.status, JSON.parse(again.text).reason], [401, "LoginUsed"]);
  const pods = await call("/k8s/api/v1/pods", { as });
  assert.equal(pods.status, 200);
  assert.match(pods.headers.get("content-security-policy") ?? "", /sandbox/);
  assert.equal(JSON.parse((await call("/session", { as })).text).user, "admin");
});

test("a bearer token gives exactly its own rights, whatever the browser claims", async () => {
  const { as } = await logIn({ bearer: await tokenOf("risk-lab", "ana") });
  const list = (namespace: string, headers = {}) =>
    call(`/k8s/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflows`, { as, headers });
  assert.equal((await list("risk-lab")).status, 200);
  assert.equal((await list("quickstart")).status, 403);
  const claims = { "impersonate-user": "admin", "impersonate-group": "system:masters", "x-remote-user": "admin" };
  assert.equal((await list("quickstart", claims)).status, 403);
  const session = JSON.parse((await call("/session", { as })).text);
  assert.equal(session.user, "system:serviceaccount:risk-lab:ana");
});

test("a wrong login says what is wrong", async () => {
  assert.equal((await logIn({ bearer: "eyJhbGciOiJub25lIn0.e30." })).status, 401);
  assert.equal((await logIn({})).status, 400);
  const long = await logIn({ bearer: "x".repeat(3000) });
  assert.deepEqual([long.status, /maxTokenBytes/.test(long.text)], [413, true]);
  const large = await logIn({ bearer: "x".repeat(9000) });
  assert.deepEqual([large.status, /maxLoginBytes/.test(large.text)], [413, true]);
  const nonsense = await call("/login", { method: "POST", headers: own, body: "[" });
  assert.equal(nonsense.status, 400);
});

test("after a logout the cookie is worth nothing", async () => {
  const as = await asAdmin();
  assert.equal((await call("/session", { as })).status, 200);
  await call("/logout", { method: "POST", as, headers: json });
  assert.equal((await call("/session", { as })).status, 401);
});

test("the cookie that other ports of this host see too is worth nothing without the key", async () => {
  const { cookie } = await asAdmin();
  assert.equal((await call("/k8s/api/v1/pods", { headers: { cookie } })).status, 401);
  assert.equal((await call("/session", { headers: { cookie, "x-capstan-console": "none" } })).status, 401);
  assert.equal((await call("/workflows", { headers: { cookie } })).status, 200, "the app itself is no secret");
});

test("writes need the app's header, and pages of pods are not proxied", async () => {
  const as = await asAdmin();
  const path = "/k8s/api/v1/namespaces/default/configmaps";
  const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "a-" } });
  assert.equal((await call(path, { method: "POST", headers: { ...json, cookie: as.cookie }, body })).status, 403);
  assert.equal((await call(path, { method: "POST", as, headers: json, body })).status, 201);
  for (const part of ["proxy/", "%70roxy/", "/proxy", "proxy/x/../y"]) {
    const proxied = await call(`/k8s/api/v1/namespaces/default/services/a/${part}`, { as });
    assert.deepEqual([proxied.status, /proxies no pages/.test(proxied.text)], [403, true], part);
  }
  const ofNode = async (rest: string) => (await call(`/k8s/api/v1/nodes/n/proxy/${rest}`, { as })).text;
  for (const rest of ["stats/summary/x", "stats/summary?a=b", "logs/", "stats/..%2fsummary"]) {
    assert.match(await ofNode(rest), /proxies no pages/, rest);
  }
  assert.doesNotMatch(await ofNode("stats/summary"), /proxies no pages/);
});

const row = JSON.stringify({ instances: [{ island: "Biscoe", mass: 5200 }] });
const predict = "/predict/quickstart/islands/v1/models/islands:predict";

test("a prediction goes through the gateway to the model", async () => {
  const answer = await call(predict, { method: "POST", as: await asAdmin(), headers: json, body: row });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(JSON.parse(answer.text).predictions[0].species, "Gentoo");
});

test("a prediction is refused to whoever may not get the service, and told from one that is not there", async () => {
  const { as } = await logIn({ bearer: await tokenOf("risk-lab", "ana") });
  assert.equal((await call(predict, { method: "POST", as, headers: json, body: row })).status, 403);
  const admin = await asAdmin();
  const missing = "/predict/quickstart/none/v1/models/none:predict";
  assert.equal((await call(missing, { method: "POST", as: admin, headers: json, body: row })).status, 404);
  const unready = "/predict/quickstart/churn/v1/models/churn:predict";
  assert.equal((await call(unready, { method: "POST", as: admin, headers: json, body: row })).status, 503);
  const elsewhere = "/predict/quickstart/islands/metrics";
  assert.equal((await call(elsewhere, { method: "POST", as: admin, headers: json, body: row })).status, 404);
});

interface Frame {
  id: number;
  status?: number;
  data?: string;
  end?: boolean;
}

/** Opens a stream and collects its frames until `enough` says so. */
async function stream(as: Login, url: string, enough: (frames: Frame[]) => boolean): Promise<Frame[]> {
  const headers = { cookie: as.cookie, origin: running.url };
  const protocols = ["capstan.streams", as.key];
  const socket = new WebSocket(`${running.url.replace("http", "ws")}/streams`, protocols, { headers });
  const frames: Frame[] = [];
  try {
    return await new Promise((resolve, reject) => {
      socket.on("open", () => socket.send(JSON.stringify({ open: 1, url })));
      socket.on("error", reject);
      socket.on("message", (data) => {
        frames.push(JSON.parse(String(data)));
        if (enough(frames)) resolve(frames);
      });
    });
  } finally {
    socket.terminate();
  }
}

test("a watch comes over the socket, live and with the session's rights", async () => {
  const url =
    "/apis/serving.kserve.io/v1beta1/inferenceservices?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
  const text = (frames: Frame[]) => frames.map((frame) => frame.data ?? "").join("");
  let changed = false;
  const frames = await stream(await asAdmin(), url, (all) => {
    if (!changed && text(all).includes("initial-events-end")) {
      changed = true;
      const patch = { type: "merge", body: { metadata: { labels: { touched: "yes" } } } } as const;
      void running.cluster.client.patch(InferenceServices, { namespace: "quickstart", name: "islands" }, patch);
    }
    return text(all).includes('"touched":"yes"');
  });
  assert.equal(frames[0]?.status, 200);
  const { as } = await logIn({ bearer: await tokenOf("risk-lab", "ana") });
  const refused = await stream(as, url, (all) => all.some((frame) => frame.end));
  assert.equal(refused[0]?.status, 403);
});

test("a socket is refused without a session, to another origin, and to who names none", async () => {
  const as = await asAdmin();
  const attempt = (headers: Record<string, string>, key = as.key) =>
    new Promise<number | undefined>((resolve) => {
      const protocols = ["capstan.streams", key];
      const socket = new WebSocket(`${running.url.replace("http", "ws")}/streams`, protocols, { headers });
      socket.on("unexpected-response", (_, answer) => {
        resolve(answer.statusCode);
        answer.destroy();
      });
      socket.on("error", () => {});
      socket.on("open", () => {
        resolve(undefined);
        socket.terminate();
      });
    });
  assert.equal(await attempt({ origin: running.url }), 401);
  assert.equal(await attempt({ cookie: as.cookie, origin: "http://evil.example" }), 403);
  assert.equal(await attempt({ cookie: as.cookie }), 403);
  assert.equal(await attempt({ cookie: as.cookie, origin: running.url }, "none"), 401);
  assert.equal(await attempt({ cookie: as.cookie, origin: running.url }), undefined);
});
