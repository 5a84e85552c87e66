import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from "@capstan/api/generated/resources";
import { refOf } from "@capstan/api/meta";
import type { Handler, HttpRequest, Principal } from "@capstan/base/http";
import { createMemoryView } from "@capstan/testing/view";
import type { Attributes, EndpointCall } from "../request.ts";
import { requestInfoOf } from "../request-info.ts";
import { defaultClusterRoleBindings, defaultClusterRoles } from "./default-roles.ts";
import { createAuthorization } from "./index.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const user = (name: string, ...groups: string[]): Principal => ({ name, groups: [...groups, "system:authenticated"] });
const admin: Principal = { name: "admin", groups: ["system:masters"] };

function cluster() {
  const view = createMemoryView("a", "b", "kube-system");
  for (const role of defaultClusterRoles) view.put(ClusterRoles, structuredClone(role));
  for (const binding of defaultClusterRoleBindings) view.put(ClusterRoleBindings, structuredClone(binding));
  const { interceptors = [], admission = [], endpoints = [] } = createAuthorization()(view);
  let seen: HttpRequest | undefined;
  const handler = interceptors.reduceRight((next, intercept) => intercept(next), (async (request) => {
    seen = request;
    return { status: 200, headers: {} };
  }) as Handler);
  const send = async (
    principal: Principal | undefined,
    method: string,
    url: string,
    headers: Record<string, string> = {},
  ) => {
    await handler({ method, url, headers, principal, signal: new AbortController().signal });
    return seen;
  };
  const bind = (namespace: string, subject: object, role: string, kind = "ClusterRole") =>
    view.put(RoleBindings, {
      metadata: { name: `${role}-${JSON.stringify(subject).length}`, namespace },
      subjects: [subject],
      roleRef: { apiGroup: rbacGroup, kind, name: role },
    });
  const write = (principal: Principal, path: string, object: object, oldObject?: object) => {
    const info = requestInfoOf(oldObject ? "PUT" : "POST", path);
    const kind = { group: info.group, version: info.version, kind: info.resource };
    const { name, namespace } = { name: "", ...(object as { metadata: object }).metadata, namespace: info.namespace };
    const attributes = {
      operation: oldObject ? "UPDATE" : "CREATE",
      info,
      kind,
      name,
      namespace,
      object,
      oldObject,
      principal,
    };
    for (const plugin of admission) plugin.validate?.(attributes as unknown as Attributes);
  };
  const review = async (principal: Principal, resource: string, spec: object, namespace = "") => {
    const endpoint = endpoints.find((e) => e.resource === resource);
    const call = { principal, object: { spec, metadata: {} }, info: { namespace } } as unknown as EndpointCall;
    return (await endpoint?.create?.(call)) as { status: Record<string, unknown> };
  };
  return { view, send, bind, write, review };
}

test("without a binding nothing but discovery is allowed, in upstream's words", async () => {
  const { send } = cluster();
  const jane = user("jane");
  await send(jane, "GET", "/apis/apps/v1?timeout=32s");
  await send(jane, "GET", "/openapi/v3");
  const refused = (method: string, url: string, message: string) =>
    assert.rejects(send(jane, method, url), { reason: "Forbidden", message });
  await refused(
    "GET",
    "/api/v1/namespaces/a/pods",
    'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "a"',
  );
  await refused(
    "DELETE",
    "/apis/apps/v1/namespaces/a/deployments/web",
    'deployments.apps "web" is forbidden: User "jane" cannot delete resource "deployments" in API group "apps" in the namespace "a"',
  );
  await refused(
    "GET",
    "/api/v1/nodes",
    'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
  );
  await refused(
    "POST",
    "/api/v1/namespaces/a/pods/p/exec",
    'pods "p" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "a"',
  );
  await refused("GET", "/metrics", 'forbidden: User "jane" cannot get path "/metrics"');
  await send(admin, "DELETE", "/api/v1/namespaces/a/pods");
  await assert.rejects(send(undefined, "GET", "/api/v1/pods"), { reason: "Unauthorized" });
});

test("health is for everybody, also before roles exist", async () => {
  const { interceptors = [] } = createAuthorization()(createMemoryView());
  const handler = interceptors.reduceRight((next, intercept) => intercept(next), (async () => ({
    status: 200,
    headers: {},
  })) as Handler);
  const principal = { name: "system:anonymous", groups: ["system:unauthenticated"] };
  const get = (url: string) =>
    handler({ method: "GET", url, headers: {}, principal, signal: new AbortController().signal });
  assert.equal((await get("/readyz?verbose")).status, 200);
  await assert.rejects(get("/version"), { reason: "Forbidden" });
});

test("a role binding gives a user, a group and an account rights in one namespace, and a change counts at once", async () => {
  const { send, bind, view } = cluster();
  bind("a", { kind: "User", name: "jane" }, "view");
  bind("a", { kind: "Group", name: "devs" }, "edit");
  bind("a", { kind: "ServiceAccount", name: "robot", namespace: "b" }, "edit");
  await send(user("jane"), "GET", "/api/v1/namespaces/a/pods/p/log?follow=true");
  await send(user("jane"), "GET", "/api/v1/namespaces/a");
  await assert.rejects(send(user("jane"), "GET", "/api/v1/namespaces/b/pods"), { reason: "Forbidden" });
  await assert.rejects(send(user("jane"), "GET", "/api/v1/namespaces/a/secrets"), { reason: "Forbidden" });
  await assert.rejects(send(user("jane"), "DELETE", "/api/v1/namespaces/a"), { reason: "Forbidden" });
  await send(user("joe", "devs"), "GET", "/api/v1/namespaces/a/secrets");
  await send(user("system:serviceaccount:b:robot"), "PATCH", "/apis/apps/v1/namespaces/a/deployments/web/scale");
  await assert.rejects(send(user("joe", "devs"), "POST", `/apis/${rbacGroup}/v1/namespaces/a/roles`), {
    reason: "Forbidden",
  });
  for (const binding of view.list(RoleBindings)) view.remove(RoleBindings, refOf(binding));
  await assert.rejects(send(user("jane"), "GET", "/api/v1/namespaces/a/pods"), { reason: "Forbidden" });
});

test("aggregated roles hold what they select, also roles added later", async () => {
  const { send, bind, view } = cluster();
  bind("a", { kind: "User", name: "jane" }, "admin");
  const models = "/apis/capstan.dev/v1alpha1/namespaces/a/models";
  await assert.rejects(send(user("jane"), "GET", models), { reason: "Forbidden" });
  view.put(ClusterRoles, {
    metadata: { name: "models", labels: { "rbac.authorization.k8s.io/aggregate-to-admin": "true" } },
    rules: [{ apiGroups: ["capstan.dev"], resources: ["models"], verbs: ["*"] }],
  });
  await send(user("jane"), "GET", models);
  await send(user("jane"), "POST", `/apis/${rbacGroup}/v1/namespaces/a/rolebindings`);
});

test("names and subresources limit a rule", async () => {
  const { send, bind, view } = cluster();
  const rules = [
    { apiGroups: [""], resources: ["configmaps"], resourceNames: ["mine"], verbs: ["get", "list"] },
    { apiGroups: ["*"], resources: ["*/scale"], verbs: ["get"] },
  ];
  view.put(Roles, { metadata: { name: "narrow", namespace: "a" }, rules });
  bind("a", { kind: "User", name: "jane" }, "narrow", "Role");
  const jane = user("jane");
  await send(jane, "GET", "/api/v1/namespaces/a/configmaps/mine");
  await send(jane, "GET", "/api/v1/namespaces/a/configmaps?fieldSelector=metadata.name%3Dmine");
  await send(jane, "GET", "/apis/apps/v1/namespaces/a/deployments/x/scale");
  await assert.rejects(send(jane, "GET", "/api/v1/namespaces/a/configmaps"), { reason: "Forbidden" });
  await assert.rejects(send(jane, "GET", "/api/v1/namespaces/a/configmaps/other"), { reason: "Forbidden" });
  await assert.rejects(send(jane, "GET", "/apis/apps/v1/namespaces/a/deployments/x"), { reason: "Forbidden" });
});

test("a binding to a role that is gone says so", async () => {
  const { send, bind } = cluster();
  bind("a", { kind: "User", name: "jane" }, "gone");
  await assert.rejects(
    send(user("jane"), "GET", "/api/v1/namespaces/a/pods"),
    /: RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found/,
  );
});

test("impersonation takes the right to it for every name, and leaves no trace in the headers", async () => {
  const { send } = cluster();
  const headers = { "impersonate-user": "jane", "impersonate-group": "devs, ops", "impersonate-extra-a%2fb": "c" };
  const seen = await send(admin, "GET", "/api", headers);
  assert.deepEqual(seen?.principal, {
    name: "jane",
    groups: ["devs", "ops", "system:authenticated"],
    extra: { "a/b": ["c"] },
  });
  assert.deepEqual(seen?.headers, {});
  const account = await send(admin, "GET", "/api", { "impersonate-user": "system:serviceaccount:a:robot" });
  assert.ok(account?.principal?.groups.includes("system:serviceaccounts:a"));
  await assert.rejects(send(user("joe"), "GET", "/api", headers), /cannot impersonate resource "users"/);
  await assert.rejects(send(admin, "GET", "/api", { "impersonate-group": "x" }), { reason: "BadRequest" });
  await assert.rejects(send(admin, "GET", "/api/v1/pods", { "impersonate-user": "jane" }), { reason: "Forbidden" });
});

test("access reviews answer for oneself and for others", async () => {
  const { bind, review } = cluster();
  bind("a", { kind: "User", name: "jane" }, "view");
  const resourceAttributes = { namespace: "a", verb: "list", resource: "pods" };
  const mine = await review(user("jane"), "selfsubjectaccessreviews", { resourceAttributes });
  assert.equal(mine.status.allowed, true);
  assert.match(String(mine.status.reason), /RBAC: allowed by RoleBinding ".*" of ClusterRole "view" to User "jane"/);
  const everything = { resourceAttributes: { namespace: "a", verb: "*", resource: "*", group: "*" } };
  assert.equal((await review(user("jane"), "selfsubjectaccessreviews", everything)).status.allowed, false);
  assert.equal((await review(admin, "selfsubjectaccessreviews", everything)).status.allowed, true);
  const other = await review(admin, "subjectaccessreviews", {
    user: "joe",
    groups: ["system:authenticated"],
    nonResourceAttributes: { path: "/api", verb: "get" },
  });
  assert.equal(other.status.allowed, true);
  const local = { user: "jane", resourceAttributes };
  assert.equal((await review(admin, "localsubjectaccessreviews", local, "a")).status.allowed, true);
  await assert.rejects(review(admin, "localsubjectaccessreviews", local, "b"), /must match metadata.namespace/);
  await assert.rejects(review(admin, "subjectaccessreviews", { resourceAttributes }), /at least one of user or group/);
  await assert.rejects(review(admin, "subjectaccessreviews", { user: "x" }), /exactly one of/);
  const { status } = await review(user("jane"), "selfsubjectrulesreviews", { namespace: "a" });
  assert.equal(status.incomplete, false);
  assert.ok((status.resourceRules as { resources: string[] }[]).some(({ resources }) => resources.includes("pods")));
});

test("nobody grants what they do not hold", async () => {
  const { bind, view, write } = cluster();
  bind("a", { kind: "User", name: "jane" }, "admin");
  const jane = user("jane");
  const role = (...rules: object[]) => ({ metadata: { name: "r" }, rules });
  const roles = `/apis/${rbacGroup}/v1/namespaces/a/roles`;
  const pods = { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] };
  const nodes = { apiGroups: [""], resources: ["nodes", "pods"], verbs: ["get"] };
  write(jane, roles, role(pods));
  assert.throws(() => write(jane, roles, role(pods, nodes)), {
    reason: "Forbidden",
    message: `roles.${rbacGroup} "r" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}`,
  });
  assert.throws(() => write(jane, roles, role({ ...pods, verbs: ["*"] })), /not currently held/);
  write(admin, roles, role(nodes));
  write(jane, roles, role(nodes), role(nodes));
  view.put(Roles, {
    metadata: { name: "escalator", namespace: "a" },
    rules: [{ apiGroups: [rbacGroup], resources: ["roles"], verbs: ["escalate"] }],
  });
  bind("a", { kind: "User", name: "jane" }, "escalator", "Role");
  write(jane, roles, role(nodes));
});

test("nobody binds a role that gives more than they hold, and a roleRef stays", async () => {
  const { bind, write } = cluster();
  bind("a", { kind: "User", name: "jane" }, "admin");
  const jane = user("jane");
  const bindings = `/apis/${rbacGroup}/v1/namespaces/a/rolebindings`;
  const to = (name: string, subject = "joe") => ({
    metadata: { name: "b" },
    subjects: [{ kind: "User", name: subject }],
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name },
  });
  write(jane, bindings, to("view"));
  assert.throws(() => write(jane, bindings, to("cluster-admin")), /not currently held/);
  assert.throws(() => write(jane, bindings, to("gone")), /"gone" not found/);
  assert.throws(() => write(admin, bindings, to("edit"), to("view")), /roleRef: .*cannot change roleRef/);
  write(jane, bindings, to("cluster-admin"), to("cluster-admin"));
});
