// Who somebody is and what they may do: reviews, tokens, impersonation, roles.
import type { Loose, RequestOptions } from "../exchange.ts";
import type { Asking, Scenarios } from "../recording.ts";

const authentication = "/apis/authentication.k8s.io/v1";
const authorization = "/apis/authorization.k8s.io/v1";
const rbac = "/apis/rbac.authorization.k8s.io/v1";

type Body = Record<string, unknown>;

/** Status and message, or the part of the answer that matters. */
async function tell(
  { subject, note }: Asking,
  what: string,
  method: string,
  path: string,
  options: RequestOptions = {},
  part?: (json: Body) => unknown,
) {
  const answer = await subject.send(method, path, options);
  const text = answer.text.replaceAll(/https:\/\/kubernetes\.default\.svc(\.cluster\.local)?/g, "ISSUER");
  const { status } = answer;
  const json = answer.json ? JSON.parse(text) : undefined;
  const refusal = json ? { message: json.message, reason: json.reason, details: json.details } : text;
  note(what, plain({ status, ...(status < 300 && part ? { is: part(json) } : { refusal }) }));
}

/** As it is in fixtures: without what is undefined. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

const statusOf = ({ status }: Body) => status;

/** A kube-apiserver's authorizer sees roles some time after they were written. */
async function allowed({ subject }: Asking, user: string, resourceAttributes: object) {
  for (let times = 0; times < 200; times++) {
    const body = { spec: { user, resourceAttributes } };
    const { json } = await subject.send("POST", `${authorization}/subjectaccessreviews`, { body });
    if (json.status?.allowed) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${user} is not allowed`);
}

export const identity: Scenarios = {
  async "who somebody is"(asking) {
    const self = `${authentication}/selfsubjectreviews`;
    await tell(asking, "impersonated", "POST", self, { body: {}, as: { user: "jane", groups: ["devs"] } }, statusOf);
    await tell(asking, "impersonated alone", "POST", self, { body: {}, as: { user: "jane" } }, statusOf);
    await tell(asking, "account", "POST", self, { body: {}, as: { user: "system:serviceaccount:ns:sa" } }, statusOf);
    await tell(asking, "anonymous user", "POST", self, { body: {}, as: { user: "system:anonymous" } }, statusOf);
    const extra = { "impersonate-extra-scopes": ["a", "b"], "impersonate-uid": "u-1" };
    await tell(asking, "extra", "POST", self, { body: {}, as: { user: "jane" }, headers: extra }, statusOf);
    await tell(asking, "nobody", "POST", self, { body: {}, token: "" });
    await tell(asking, "nobody reads", "GET", "/api/v1/namespaces", { token: "" });
    await tell(asking, "nobody asks for health", "GET", "/healthz", { token: "" });
    await tell(asking, "nobody asks for the version", "GET", "/version", { token: "" }, () => "answered");
    await tell(asking, "forged token", "GET", "/api/v1/namespaces", { token: "forged" });
    await tell(asking, "token of another", "GET", "/api/v1/namespaces", {
      token: `${btoa('{"alg":"RS256"}')}.${btoa('{"iss":"x"}')}.eA`,
    });
    await tell(asking, "token without a signature", "GET", "/api", { token: "a.b.c" });
  },
  async "tokens of accounts"(asking) {
    const { namespace, subject, note } = asking;
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    const path = `${accounts}/default/token`;
    const shape = ({ metadata: { managedFields: _, ...metadata }, spec, status }: Loose) => ({
      metadata,
      spec: { ...(spec as Body), expirationSeconds: (spec as Body).expirationSeconds },
      status: Object.keys(status as Body),
    });
    await tell(asking, "plain", "POST", path, { body: {} }, shape);
    await tell(asking, "short", "POST", path, { body: { spec: { expirationSeconds: 600, audiences: ["a"] } } }, shape);
    await tell(asking, "too short", "POST", path, { body: { spec: { expirationSeconds: 599 } } });
    await tell(asking, "too long", "POST", path, { body: { spec: { expirationSeconds: 2 ** 33 } } });
    await tell(asking, "no account", "POST", `${accounts}/none/token`, { body: {} });
    await tell(asking, "odd reference", "POST", path, {
      body: { spec: { boundObjectRef: { kind: "ConfigMap", apiVersion: "v1", name: "x" } } },
    });
    await tell(asking, "missing pod", "POST", path, {
      body: { spec: { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "x" } } },
    });
    const { json } = await subject.send("POST", path, { body: { spec: { audiences: ["other"] } } });
    const own = (await subject.send("POST", path, { body: {} })).json.status.token;
    const review = (token: string, audiences?: string[]) => ({
      body: { spec: { token, ...(audiences ? { audiences } : {}) } },
    });
    const reviews = `${authentication}/tokenreviews`;
    const reviewed = ({ status }: Body) => {
      const { user, ...rest } = status as { user?: Body };
      const { extra: _extra, ...named } = user ?? {};
      return { ...rest, user: named };
    };
    await tell(asking, "reviewed", "POST", reviews, review(own), reviewed);
    await tell(asking, "reviewed for another audience", "POST", reviews, review(own, ["other"]), reviewed);
    await tell(asking, "of another audience", "POST", reviews, review(json.status.token), reviewed);
    await tell(asking, "of another audience for it", "POST", reviews, review(json.status.token, ["other"]), reviewed);
    await tell(asking, "no token", "POST", reviews, { body: { spec: {} } });
    await tell(asking, "forged", "POST", reviews, review(`${own}x`), ({ status }) => Boolean((status as Body).error));
    await tell(asking, "used", "GET", "/api/v1/namespaces", { token: own });
    await tell(asking, "used for another audience", "GET", "/api/v1/namespaces", { token: json.status.token });
    await tell(asking, "itself", "POST", `${authentication}/selfsubjectreviews`, { body: {}, token: own }, (answer) =>
      reviewed({ status: { user: (answer.status as Body).userInfo } }),
    );
    const claims = JSON.parse(Buffer.from(own.split(".")[1], "base64url").toString());
    note("claims", Object.keys(claims).sort());
    note("kubernetes claim", Object.keys(claims["kubernetes.io"]).sort());
  },
  async "what somebody may do"(asking) {
    const { namespace, subject, unique } = asking;
    await subject.send("POST", `${rbac}/namespaces/${namespace}/roles`, {
      body: {
        metadata: { name: "r" },
        rules: [
          { apiGroups: [""], resources: ["configmaps", "pods/log"], verbs: ["get", "list"], resourceNames: ["a"] },
          { apiGroups: ["apps"], resources: ["*"], verbs: ["get"] },
        ],
      },
    });
    await subject.send("POST", `${rbac}/namespaces/${namespace}/rolebindings`, {
      body: {
        metadata: { name: "b" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
        subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: unique }],
      },
    });
    await allowed(asking, unique, { namespace, verb: "get", group: "apps", resource: "deployments" });
    const reviews = `${authorization}/subjectaccessreviews`;
    const ask = (what: string, spec: object) => tell(asking, what, "POST", reviews, { body: { spec } }, statusOf);
    const of = (verb: string, resource: string, rest: object = {}) => ({
      user: unique,
      resourceAttributes: { namespace, verb, resource, ...rest },
    });
    await ask("named", of("get", "configmaps", { name: "a" }));
    await ask("another name", of("get", "configmaps", { name: "b" }));
    await ask("subresource", of("get", "pods", { subresource: "log", name: "a" }));
    await ask("all of a group", of("get", "deployments", { group: "apps", subresource: "scale" }));
    await ask("another verb", of("delete", "deployments", { group: "apps" }));
    await ask("masters", { user: "x", groups: ["system:masters"], resourceAttributes: { verb: "*", resource: "*" } });
    await ask("a path", { user: "x", nonResourceAttributes: { path: "/metrics", verb: "get" } });
    await ask("nothing asked", { user: "x" });
    await ask("both asked", {
      user: "x",
      resourceAttributes: { verb: "get", resource: "pods" },
      nonResourceAttributes: { path: "/", verb: "get" },
    });
    await ask("nobody asked", { resourceAttributes: { verb: "get", resource: "pods" } });
    const local = (body: object) =>
      tell(
        asking,
        `local ${JSON.stringify(body).length}`,
        "POST",
        `${authorization}/namespaces/${namespace}/localsubjectaccessreviews`,
        { body },
        statusOf,
      );
    await local({ metadata: { namespace }, spec: of("get", "deployments", { group: "apps" }) });
    await local({
      metadata: { namespace },
      spec: { ...of("get", "deployments"), resourceAttributes: { namespace: "other", verb: "get", resource: "pods" } },
    });
    await tell(
      asking,
      "self",
      "POST",
      `${authorization}/selfsubjectaccessreviews`,
      {
        body: { spec: { resourceAttributes: of("get", "deployments", { group: "apps" }).resourceAttributes } },
        as: { user: unique },
      },
      statusOf,
    );
    await tell(
      asking,
      "rules",
      "POST",
      `${authorization}/selfsubjectrulesreviews`,
      { body: { spec: { namespace } }, as: { user: unique } },
      ({ status }) => (status as Body).resourceRules,
    );
    await tell(asking, "forbidden list", "GET", `/api/v1/namespaces/${namespace}/configmaps`, { as: { user: unique } });
    await tell(asking, "forbidden everywhere", "GET", "/api/v1/nodes", { as: { user: unique, groups: ["g"] } });
    await tell(asking, "forbidden path", "GET", "/metrics", { as: { user: unique } });
    await tell(asking, "forbidden subresource", "GET", `/api/v1/namespaces/${namespace}/pods/x/log`, {
      as: { user: unique },
    });
    await tell(asking, "impersonation", "GET", "/api", { headers: { "impersonate-user": "other" }, token: "x" });
  },
  async "roles that give more than one has"(asking) {
    const { namespace, subject, unique } = asking;
    const roles = `${rbac}/namespaces/${namespace}/roles`;
    const bindings = `${rbac}/namespaces/${namespace}/rolebindings`;
    const role = (name: string, ...rules: object[]) => ({ metadata: { name }, rules });
    const give = (name: string, roleName: string, user: string) => ({
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: roleName },
      subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: user }],
    });
    await subject.send("POST", roles, {
      body: role(
        "base",
        { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles", "rolebindings"], verbs: ["*"] },
        { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
      ),
    });
    await subject.send("POST", bindings, { body: give("base", "base", unique) });
    await allowed(asking, unique, { namespace, verb: "get", resource: "pods" });
    const as = { user: unique };
    const accepted = () => "accepted";
    await tell(
      asking,
      "what one has",
      "POST",
      roles,
      { body: role("same", { apiGroups: [""], resources: ["pods"], verbs: ["get"] }), as },
      accepted,
    );
    await tell(asking, "more", "POST", roles, {
      body: role("more", { apiGroups: [""], resources: ["secrets", "pods"], verbs: ["get", "list"] }),
      as,
    });
    await subject.send("POST", roles, {
      body: role("strong", { apiGroups: [""], resources: ["secrets"], verbs: ["get"] }),
    });
    await tell(asking, "binds what one has", "POST", bindings, { body: give("x", "same", "other"), as }, accepted);
    await tell(asking, "binds more", "POST", bindings, { body: give("y", "strong", "other"), as });
    await tell(asking, "binds nothing", "POST", bindings, { body: give("z", "none", "other"), as });
    await tell(asking, "another role", "PATCH", `${bindings}/base`, {
      body: { roleRef: { name: "strong" } },
      type: "application/merge-patch+json",
    });
    await tell(asking, "no kind", "POST", bindings, {
      body: { metadata: { name: "w" }, roleRef: { name: "x" }, subjects: [{ kind: "Odd", name: "x" }] },
    });
    await tell(asking, "no verbs", "POST", roles, { body: role("w", { apiGroups: [""], resources: ["pods"] }) });
    await tell(asking, "paths in a role", "POST", roles, {
      body: role("w", { nonResourceURLs: ["/x"], verbs: ["get"] }),
    });
  },
  async "default roles"(asking) {
    const { subject, note } = asking;
    for (const kind of ["clusterroles", "clusterrolebindings", "roles", "rolebindings"]) {
      const { json } = await subject.send(
        "GET",
        `${rbac}/${kind}?labelSelector=kubernetes.io/bootstrapping%3Drbac-defaults`,
      );
      for (const { metadata, rules, aggregationRule, roleRef, subjects } of json.items) {
        const { name, namespace, labels, annotations } = metadata;
        // Aggregated roles are filled in by a controller.
        const shown = aggregationRule ? undefined : rules;
        const is = { labels, annotations, rules: shown, aggregationRule, roleRef, subjects };
        note(`${kind} ${namespace ? `${namespace}/` : ""}${name}`, plain(is));
      }
    }
  },
};
