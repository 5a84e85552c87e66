import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ClusterRoleBindings,
  ClusterRoles,
  ConfigMaps,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
} from "@capstan/api/generated/resources";
import { attributesFor, createMemoryView, type Write } from "@capstan/testing/view";
import { createRbac } from "../../authorization/index.ts";
import { createAdmissionPolicies } from "./plugin.ts";

const deployments = [
  { operations: ["CREATE", "UPDATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] },
];

function cluster(policy: object, binding: object = {}) {
  const view = createMemoryView("a");
  view.put(ValidatingAdmissionPolicies, {
    metadata: { name: "p" },
    spec: { failurePolicy: "Fail", matchConstraints: { resourceRules: deployments }, ...policy },
  });
  view.put(ValidatingAdmissionPolicyBindings, {
    metadata: { name: "b" },
    spec: { policyName: "p", validationActions: ["Deny"], ...binding },
  });
  const plugin = createAdmissionPolicies(view, createRbac(view).authorize);
  const write = async (spec: object, rest: Partial<Write> = {}) => {
    const attributes = attributesFor({
      path: "/apis/apps/v1/namespaces/a/deployments",
      kind: "Deployment",
      object: { metadata: { name: "web" }, spec },
      ...rest,
    });
    await plugin.validate?.(attributes);
    return attributes.warnings;
  };
  return { view, write };
}

test("a policy refuses what its expression does not hold for, in upstream's words", async () => {
  const { write } = cluster({ validations: [{ expression: "object.spec.replicas <= 5" }] });
  await write({ replicas: 5 });
  await assert.rejects(() => write({ replicas: 6 }), {
    reason: "Invalid",
    message: `deployments.apps "web" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: object.spec.replicas <= 5`,
  });
});

test("messages, reasons, variables and what else an expression can speak of", async () => {
  const variables = [
    { name: "images", expression: "object.spec.template.spec.containers.map(c, c.image)" },
    { name: "wrong", expression: "variables.images.filter(i, !i.startsWith('hub/'))" },
  ];
  const validations = [
    {
      expression: "size(variables.wrong) == 0",
      messageExpression: "'not of the hub: ' + variables.wrong[0]",
      reason: "Forbidden",
    },
    { expression: "request.userInfo.username == 'jane' && namespaceObject.metadata.name == 'a' && oldObject == null" },
  ];
  const { write } = cluster({ variables, validations });
  const principal = { name: "jane", groups: [] };
  const spec = (image: string) => ({ template: { spec: { containers: [{ image }] } } });
  await write(spec("hub/x"), { principal });
  await assert.rejects(() => write(spec("x"), { principal }), {
    reason: "Forbidden",
    message: /denied request: not of the hub: x$/,
  });
  await assert.rejects(() => write(spec("hub/x")), /failed expression: request.userInfo/);
});

test("a binding may warn in place of denying, and narrows what its policy is about", async () => {
  const validations = [{ expression: "false", message: "never" }];
  assert.deepEqual(await cluster({ validations }, { validationActions: ["Warn"] }).write({}), [
    "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': never",
  ]);
  await cluster({ validations }, { matchResources: { namespaceSelector: { matchLabels: { x: "y" } } } }).write({});
  await cluster(
    { validations },
    { matchResources: { excludeResourceRules: [{ ...deployments[0], resourceNames: ["web"] }] } },
  ).write({});
  await cluster({ validations, matchConditions: [{ name: "c", expression: "object.metadata.name != 'web'" }] }).write(
    {},
  );
  await assert.rejects(() => cluster({ validations }).write({}), /never/);
});

test("parameters come from the object that the binding names", async () => {
  const policy = {
    paramKind: { apiVersion: "v1", kind: "ConfigMap" },
    validations: [{ expression: "object.spec.replicas <= int(params.data.most)" }],
  };
  const { view, write } = cluster(policy, {
    paramRef: { name: "limits", namespace: "a", parameterNotFoundAction: "Deny" },
  });
  await assert.rejects(() => write({ replicas: 1 }), /paramKind|no params found/);
  view.put(ConfigMaps, { metadata: { name: "limits", namespace: "a" }, data: { most: "3" } });
  await write({ replicas: 3 });
  await assert.rejects(() => write({ replicas: 4 }), /failed expression/);
});

test("an evaluation that fails counts by the policy, one that costs too much is stopped", async () => {
  const validations = [{ expression: "object.spec.nothing.there == 1" }];
  await assert.rejects(() => cluster({ validations }).write({}), { reason: "Invalid" });
  await cluster({ validations, failurePolicy: "Ignore" }).write({});
  const list = `[${Array.from({ length: 100 }, (_, i) => i).join()}]`;
  const endless = `${list}.all(a, ${list}.all(b, ${list}.all(c, ${list}.all(d, ${list}.all(e, a + b + c + d + e >= 0)))))`;
  await assert.rejects(
    () => cluster({ validations: [{ expression: endless }] }).write({}),
    /denied request: expression '.*' resulted in error: operation cancelled: actual cost limit exceeded$/s,
  );
});

test("an expression that does not compile is refused where it stands", async () => {
  const { write } = cluster({});
  const rule = { apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], operations: ["CREATE"] };
  const policy = (spec: object) =>
    write(
      {},
      {
        path: "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
        kind: "ValidatingAdmissionPolicy",
        object: { metadata: { name: "x" }, spec: { matchConstraints: { resourceRules: [rule] }, ...spec } },
      },
    );
  await policy({ validations: [{ expression: "object.a == 1" }] });
  await assert.rejects(
    () => policy({ validations: [{ expression: "object.a ==" }] }),
    /spec.validations\[0\].expression: Invalid value: "object.a ==": compilation failed/,
  );
  await assert.rejects(
    () => policy({ validations: [{ expression: "true" }], variables: [{ name: "v", expression: "nobody.knows" }] }),
    /spec.variables\[0\].expression/,
  );
  const called = { clientConfig: { url: "https://x.io" }, sideEffects: "None", admissionReviewVersions: ["v1"] };
  const webhooks = [{ name: "a.b.c", ...called, matchConditions: [{ name: "c", expression: "(" }] }];
  const path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
  await assert.rejects(
    () => write({}, { path, kind: "MutatingWebhookConfiguration", object: { metadata: { name: "x" }, webhooks } }),
    /webhooks\[0\].matchConditions\[0\].expression/,
  );
});

test("what the binding names as its parameters may be missing", async () => {
  const policy = {
    paramKind: { apiVersion: "v1", kind: "ConfigMap" },
    validations: [{ expression: "params.data.most == '1'" }],
  };
  const paramRef = { name: "limits", namespace: "a" };
  const withParams = (of: object, binding: object) => {
    const { view, write } = cluster(of, binding);
    view.put(ConfigMaps, { metadata: { name: "other", namespace: "a" } });
    return write({});
  };
  await withParams(policy, { paramRef: { ...paramRef, parameterNotFoundAction: "Allow" } });
  const denying = { paramRef: { ...paramRef, parameterNotFoundAction: "Deny" } };
  await assert.rejects(() => withParams(policy, denying), {
    message: `deployments.apps "web" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`,
  });
  const unknown = { ...policy, paramKind: { apiVersion: "x.io/v1", kind: "X" } };
  await assert.rejects(
    () => withParams(unknown, denying),
    /ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'x.io\/v1, Kind=X'$/,
  );
});

test("expressions ask what the caller, or an account, may do", async () => {
  const principal = { name: "jane", groups: [] };
  const asks = (expression: string) => {
    const { view, write } = cluster({ validations: [{ expression }] });
    view.put(ClusterRoles, {
      metadata: { name: "r" },
      rules: [
        { apiGroups: ["apps"], resources: ["deployments", "deployments/scale"], verbs: ["approve"] },
        { nonResourceURLs: ["/healthz"], verbs: ["get"] },
      ],
    });
    const subjects = [
      { kind: "User", name: "jane" },
      { kind: "ServiceAccount", namespace: "a", name: "bot" },
    ];
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "r" };
    view.put(ClusterRoleBindings, { metadata: { name: "b" }, roleRef, subjects });
    return write({}, { principal });
  };
  for (const expression of [
    "authorizer.requestResource.check('approve').allowed()",
    "!authorizer.requestResource.check('delete').allowed()",
    "authorizer.group('apps').resource('deployments').subresource('scale').namespace('a').name('x').check('approve').allowed()",
    "authorizer.path('/healthz').check('get').allowed() && !authorizer.path('/metrics').check('get').allowed()",
    "authorizer.serviceAccount('a', 'bot').group('apps').resource('deployments').check('approve').allowed()",
    "!authorizer.serviceAccount('a', 'other').group('apps').resource('deployments').check('approve').allowed()",
    `authorizer.path('/healthz').check('get').reason() == 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "jane"'`,
    "!authorizer.requestResource.check('approve').errored() && authorizer.requestResource.check('x').error() == ''",
  ])
    await asks(expression);
  await assert.rejects(
    () => asks("authorizer.group('').resource(' ').check('get').allowed()"),
    /resource must not be empty$/,
  );
  // Two questions fit into one evaluation.
  const question = "authorizer.requestResource.check('approve').allowed()";
  await asks(`${question} && ${question}`);
  await assert.rejects(() => asks(`${question} && ${question} && ${question}`), /actual cost limit exceeded$/);
});

test("variables are worked out when they are asked for", async () => {
  const variables = [
    { name: "broken", expression: "object.spec.nothing" },
    { name: "uses", expression: "variables.broken + 1" },
    { name: "fine", expression: "object.metadata.name" },
  ];
  await cluster({ variables, validations: [{ expression: "variables.fine == 'web' || variables.uses == 1" }] }).write(
    {},
  );
  await assert.rejects(
    () => cluster({ variables, validations: [{ expression: "variables.broken == 1" }] }).write({}),
    /composited variable "broken" fails to evaluate/,
  );
});

test("what all expressions together may spend has a bound", async () => {
  const list = `[${Array.from({ length: 300 }, (_, i) => i).join()}]`;
  const expression = `${list}.all(a, ${list}.all(b, a + b >= 0))`;
  const validations = Array.from({ length: 20 }, () => ({ expression }));
  await assert.rejects(
    () => cluster({ validations }).write({}),
    /denied request: validation failed due to running out of cost budget, no further validation rules will be run$/,
  );
  const matchConditions = validations.map((condition, i) => ({ ...condition, name: `c${i}` }));
  await assert.rejects(
    () => cluster({ matchConditions, validations: [{ expression: "true" }] }).write({}),
    /running out of cost budget/,
  );
});

test("audit annotations, and findings that are only recorded", async () => {
  const annotations: Record<string, string> = {};
  const annotate = (key: string, value: string) => {
    annotations[key] = value;
  };
  const policy = {
    validations: [{ expression: "true" }, { expression: "false", message: "never" }],
    auditAnnotations: [
      { key: "who", valueExpression: "'by ' + request.userInfo.username" },
      { key: "none", valueExpression: "null" },
    ],
  };
  await cluster(policy, { validationActions: ["Audit"] }).write(
    {},
    { annotate, principal: { name: "jane", groups: [] } },
  );
  assert.equal(annotations["p/who"], "by jane");
  assert.equal(
    annotations["validation.policy.admission.k8s.io/validation_failure"],
    '[{"message":"never","policy":"p","binding":"b","expressionIndex":1,"validationActions":["Audit"]}]',
  );
  assert.equal(Object.keys(annotations).length, 2);
});
