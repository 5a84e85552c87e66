// Admission policies in CEL: which are accepted, and what those that hold say of writes.
import type { Asking, Scenarios } from "../recording.ts";

const group = "/apis/admissionregistration.k8s.io/v1";
const policyPath = `${group}/validatingadmissionpolicies`;
const bindings = `${group}/validatingadmissionpolicybindings`;

const configMaps = {
  resourceRules: [
    { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["configmaps"] },
  ],
};

/** With their members in one order. */
const causesOf = ({ details }: { details?: { causes?: Record<string, string>[] } }) =>
  details?.causes?.map(({ reason, message, field }) => ({ reason, message, field }));

/** Whether a policy is accepted. */
async function judge({ subject, note, unique }: Asking, what: string, spec: object, path = policyPath): Promise<void> {
  const body = { metadata: { name: unique }, spec };
  const { status, json } = await subject.send("POST", `${path}?dryRun=All`, { body });
  note(what, status < 300 ? { spec: json.spec } : { status, message: json.message, causes: causesOf(json) });
}

/** Makes policies hold in the scenario's namespace alone, and waits until the last of them is heard. */
async function enforce(asking: Asking, specs: object[], binding: object = {}): Promise<() => Promise<void>> {
  const { subject, namespace, unique } = asking;
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": namespace } };
  const probe = { validations: [{ expression: "object.metadata.name != 'probe'" }] };
  const all = [...specs, probe];
  for (const [i, spec] of all.entries()) {
    const name = `${unique}-${i}`;
    const own = { failurePolicy: "Fail", ...spec, matchConstraints: { ...configMaps, namespaceSelector } };
    const made = await subject.send("POST", policyPath, { body: { metadata: { name }, spec: own } });
    if (made.status !== 201) throw new Error(made.text);
    const more = i < specs.length ? binding : {};
    const bound = await subject.send("POST", bindings, {
      body: { metadata: { name }, spec: { policyName: name, validationActions: ["Deny"], ...more } },
    });
    if (bound.status !== 201) throw new Error(bound.text);
  }
  await until(asking, 422);
  // Those before it were written first: a kube-apiserver takes them up together.
  return async () => {
    for (const i of all.keys()) {
      await subject.send("DELETE", `${bindings}/${unique}-${i}`);
      await subject.send("DELETE", `${policyPath}/${unique}-${i}`);
    }
    await until(asking, 201);
  };
}

/** A kube-apiserver hears of policies some time after they are written. */
async function until({ subject, namespace }: Asking, wanted: number): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`;
  for (let times = 0; times < 200; times++) {
    const { status } = await subject.send("POST", path, { body: { metadata: { name: "probe" } } });
    if (status === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the policies are not heard");
}

function writer({ subject, note, namespace }: Asking) {
  return async (name: string, what = name) => {
    const path = `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`;
    const { status, json, warnings } = await subject.send("POST", path, {
      body: { metadata: { name } },
    });
    note(what, {
      status,
      ...(status < 300 ? {} : { message: json.message, reason: json.reason, details: json.details }),
      warnings,
    });
  };
}

const one = (expression: string, rest: object = {}) => ({
  matchConstraints: configMaps,
  validations: [{ expression, ...rest }],
});

export const policies: Scenarios = {
  async "policies that are accepted"(asking) {
    const accepted: [string, object][] = [
      ["plain", one("object.metadata.name == 'x'")],
      ["nothing", {}],
      ["no validations", { matchConstraints: configMaps }],
      ["no rules", { validations: [{ expression: "true" }] }],
      ["empty expression", one(" ")],
      ["no bool", one("object.metadata.name + 'x'")],
      ["a number", one("1")],
      ["a syntax error", one("object.metadata.name ==")],
      ["an unknown name", one("nobody.knows")],
      ["params without a kind", one("params.data.x == '1'")],
      ["params", { ...one("params.data.x == '1'"), paramKind: { apiVersion: "v1", kind: "ConfigMap" } }],
      ["half a kind", { ...one("true"), paramKind: { kind: "ConfigMap" } }],
      ["a message of two lines", one("true", { message: "a\nb" })],
      ["a message expression", one("true", { messageExpression: "'x' + object.metadata.name" })],
      ["a message that is no text", one("true", { messageExpression: "1" })],
      ["a message that asks", one("true", { messageExpression: "authorizer.path('/').check('get').reason()" })],
      ["a reason", one("true", { reason: "Forbidden" })],
      ["an unknown reason", one("true", { reason: "Odd" })],
      ["the authorizer", one("authorizer.requestResource.check('x').allowed()")],
      ["variables", { ...one("variables.a == 1"), variables: [{ name: "a", expression: "1" }] }],
      [
        "a variable twice",
        {
          ...one("true"),
          variables: [
            { name: "a", expression: "1" },
            { name: "a", expression: "2" },
          ],
        },
      ],
      ["a wrong variable", { ...one("true"), variables: [{ name: "a b", expression: "none" }] }],
      [
        "a variable used before",
        {
          ...one("true"),
          variables: [
            { name: "a", expression: "variables.b" },
            { name: "b", expression: "1" },
          ],
        },
      ],
      [
        "conditions",
        {
          ...one("true"),
          matchConditions: [
            { name: "a", expression: "request.operation == 'CREATE'" },
            { name: "a", expression: "1" },
            { name: "", expression: "" },
          ],
        },
      ],
      [
        "a condition with variables",
        {
          ...one("true"),
          variables: [{ name: "a", expression: "true" }],
          matchConditions: [{ name: "a", expression: "variables.a" }],
        },
      ],
      [
        "annotations",
        {
          ...one("true"),
          auditAnnotations: [
            { key: "k", valueExpression: "'x'" },
            { key: "k", valueExpression: "1" },
            { key: "Bad Key", valueExpression: "null" },
          ],
        },
      ],
      ["a failure policy", { ...one("true"), failurePolicy: "Odd" }],
      ["a match policy", { ...one("true"), matchConstraints: { ...configMaps, matchPolicy: "Odd" } }],
      [
        "a wrong rule",
        {
          ...one("true"),
          matchConstraints: {
            resourceRules: [{ apiGroups: ["*", "a"], apiVersions: [], operations: ["ODD"], resources: ["*", "pods"] }],
          },
        },
      ],
    ];
    for (const [what, spec] of accepted) await judge(asking, what, spec);
  },
  async "bindings that are accepted"(asking) {
    const tried: [string, object][] = [
      ["plain", { policyName: "p", validationActions: ["Deny"] }],
      ["nothing", {}],
      ["no actions", { policyName: "p" }],
      ["odd actions", { policyName: "p", validationActions: ["Odd", "Deny", "Deny", "Warn"] }],
      [
        "params",
        {
          policyName: "p",
          validationActions: ["Warn", "Audit"],
          paramRef: { name: "x", parameterNotFoundAction: "Allow" },
        },
      ],
      ["no action for missing", { policyName: "p", validationActions: ["Warn"], paramRef: { name: "x" } }],
      [
        "name and selector",
        {
          policyName: "p",
          validationActions: ["Warn"],
          paramRef: { name: "x", selector: {}, parameterNotFoundAction: "Odd" },
        },
      ],
      ["an odd name", { policyName: "P_", validationActions: ["Warn"] }],
    ];
    for (const [what, spec] of tried) await judge(asking, what, spec, bindings);
  },
  async "webhooks that are accepted"(asking) {
    const webhook = (rest: object) => ({
      name: "a.example.com",
      clientConfig: { url: "https://example.com/x" },
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["none"] }],
      ...rest,
    });
    const tried: [string, object[]][] = [
      ["plain", [webhook({})]],
      ["nothing", [{}]],
      ["a short name", [webhook({ name: "a" }), webhook({ name: "A_.b.c" })]],
      ["a name twice", [webhook({}), webhook({})]],
      [
        "odd words",
        [webhook({ failurePolicy: "Odd", matchPolicy: "Odd", sideEffects: "Some", reinvocationPolicy: "Odd" })],
      ],
      ["bounds", [webhook({ timeoutSeconds: 31 }), webhook({ name: "b.example.com", timeoutSeconds: 0 })]],
      [
        "review versions",
        [
          webhook({ admissionReviewVersions: ["v2", "v2"] }),
          webhook({ name: "b.example.com", admissionReviewVersions: [] }),
        ],
      ],
      ["two ways", [webhook({ clientConfig: { url: "https://a.b", service: { name: "s", namespace: "n" } } })]],
      [
        "odd urls",
        ["http://a.b", "https://u:p@a.b", "https://a.b#f", "https://a.b?q=1"].map((url, i) =>
          webhook({ name: `u${i}.example.com`, clientConfig: { url } }),
        ),
      ],
      ["odd services", [webhook({ clientConfig: { service: { name: "", namespace: "", path: "x", port: 0 } } })]],
      [
        "odd rules",
        [
          webhook({
            rules: [
              {
                apiGroups: ["*", "a"],
                apiVersions: ["*", "v1"],
                operations: ["*", "CREATE"],
                resources: ["*/*", "pods", "pods/*", "pods/log"],
                scope: "Odd",
              },
              {},
            ],
          }),
        ],
      ],
      [
        "conditions",
        [
          webhook({
            matchConditions: [
              { name: "a", expression: "object.x" },
              { name: "a", expression: "params.x == 1" },
              { name: "b c", expression: "1" },
            ],
          }),
        ],
      ],
    ];
    for (const resource of ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"])
      for (const [what, webhooks] of tried) {
        const body = { metadata: { name: asking.unique }, webhooks };
        const { status, json } = await asking.subject.send("POST", `${group}/${resource}?dryRun=All`, { body });
        const refused = { status, message: json.message, causes: causesOf(json) };
        asking.note(`${resource} ${what}`, status < 300 ? { webhooks: json.webhooks } : refused);
      }
  },
  async "what policies say"(asking) {
    const write = writer(asking);
    const end = await enforce(asking, [
      { validations: [{ expression: "object.metadata.name != 'plain'" }] },
      { validations: [{ expression: "object.metadata.name != 'message'", message: "not this name" }] },
      {
        validations: [
          {
            expression: "object.metadata.name != 'worded'",
            messageExpression: "'not ' + object.metadata.name + ' in ' + namespaceObject.metadata.name",
            reason: "Forbidden",
          },
        ],
      },
      {
        validations: [
          {
            expression: "object.metadata.name != 'fallback'",
            messageExpression: "string(object.data.none)",
            message: "said otherwise",
          },
        ],
      },
      { validations: [{ expression: "object.metadata.name != 'blank'", messageExpression: "'  '" }] },
      { validations: [{ expression: "object.metadata.name != 'fails' || object.data.none == '1'" }] },
      {
        validations: [
          { expression: "object.metadata.name != 'two'", message: "first" },
          { expression: "object.metadata.name != 'two'", message: "second", reason: "RequestEntityTooLarge" },
        ],
      },
      {
        variables: [
          { name: "name", expression: "object.metadata.name" },
          { name: "broken", expression: "object.data.none" },
        ],
        validations: [
          { expression: "variables.name != 'variable'" },
          { expression: "variables.name != 'broken' || variables.broken == '1'" },
        ],
      },
      {
        matchConditions: [
          { name: "only", expression: "object.metadata.name.startsWith('condition')" },
          { name: "broken", expression: "object.metadata.name != 'condition-fails' || object.data.none == '1'" },
        ],
        validations: [{ expression: "false", message: "conditions hold" }],
      },
      {
        validations: [
          {
            expression:
              "object.metadata.name != 'authorizer' || authorizer.group('').resource('pods').check('delete').allowed()",
            message: "may not delete pods",
          },
        ],
      },
      {
        validations: [
          {
            expression:
              "object.metadata.name != 'costs' || [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(a, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(b, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(c, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(d, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(e, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(f, a + b + c + d + e + f > 0))))))",
          },
        ],
      },
      {
        failurePolicy: "Ignore",
        validations: [{ expression: "object.metadata.name != 'ignored' || object.data.none == '1'" }],
      },
    ]);
    for (const name of [
      "accepted",
      "plain",
      "message",
      "worded",
      "fallback",
      "blank",
      "fails",
      "two",
      "variable",
      "broken",
      "condition",
      "condition-fails",
      "authorizer",
      "costs",
      "ignored",
    ])
      await write(name);
    await end();
  },
  async "warnings and parameters"(asking) {
    const { subject, namespace } = asking;
    const write = writer(asking);
    const warn = await enforce(
      asking,
      [
        {
          validations: [
            { expression: "object.metadata.name != 'a'", message: "no a" },
            { expression: "object.metadata.name != 'a'", message: "never a" },
          ],
        },
      ],
      { validationActions: ["Warn", "Audit"] },
    );
    await write("a");
    await warn();
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    for (const [name, least] of [
      ["one", "1"],
      ["two", "2"],
    ])
      await subject.send("POST", maps, { body: { metadata: { name, labels: { param: "yes" } }, data: { least } } });
    const spec = {
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      validations: [
        {
          expression: "object.metadata.name.size() >= int(params.data.least)",
          messageExpression: "'at least ' + params.data.least",
        },
      ],
    };
    const named = await enforce(asking, [spec], { paramRef: { name: "two", parameterNotFoundAction: "Deny" } });
    await known(asking);
    await write("a", "named short");
    await write("aa", "named");
    await named();
    const selected = await enforce(asking, [spec], {
      paramRef: { selector: { matchLabels: { param: "yes" } }, parameterNotFoundAction: "Deny" },
    });
    await known(asking);
    await write("a", "selected short");
    await write("aa", "selected");
    await selected();
    const missing = await enforce(asking, [spec], {
      paramRef: { name: "none", namespace, parameterNotFoundAction: "Deny" },
    });
    await write("a", "missing");
    await missing();
    const allowed = await enforce(asking, [spec], { paramRef: { name: "none", parameterNotFoundAction: "Allow" } });
    await write("a", "allowed");
    await allowed();
  },
};

/** A kube-apiserver comes to know the parameters of a new policy some time after it was written. */
async function known({ subject, namespace }: Asking): Promise<void> {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
  for (let times = 0; times < 200; times++) {
    const { text } = await subject.send("POST", `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`, { body });
    if (!text.includes("no params found")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the parameters are not known");
}
