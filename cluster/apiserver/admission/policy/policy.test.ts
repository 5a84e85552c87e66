import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConfigMaps,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
} from "@capstan/api/generated/resources";
import { attributesFor, createMemoryView, type Write } from "@capstan/testing/view";
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
  const plugin = createAdmissionPolicies(view);
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

test("an evaluation that fails counts by the policy, one that never ends by the limit", async () => {
  const validations = [{ expression: "object.spec.nothing.there == 1" }];
  await assert.rejects(() => cluster({ validations }).write({}), { reason: "Invalid" });
  await cluster({ validations, failurePolicy: "Ignore" }).write({});
  const list = `[${Array.from({ length: 100 }, (_, i) => i).join()}]`;
  const endless = `${list}.all(a, ${list}.all(b, ${list}.all(c, ${list}.all(d, ${list}.all(e, a + b + c + d + e >= 0)))))`;
  await assert.rejects(
    () => cluster({ validations: [{ expression: endless }] }).write({}),
    /longer than the limit of 500 ms/,
  );
});

test("an expression that does not compile is refused where it stands", async () => {
  const { write } = cluster({});
  const policy = (spec: object) =>
    write(
      {},
      {
        path: "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
        kind: "ValidatingAdmissionPolicy",
        object: { metadata: { name: "x" }, spec },
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
  const webhooks = [{ matchConditions: [{ name: "c", expression: "(" }] }];
  const path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
  await assert.rejects(
    () => write({}, { path, kind: "MutatingWebhookConfiguration", object: { metadata: { name: "x" }, webhooks } }),
    /webhooks\[0\].matchConditions\[0\].expression/,
  );
});
