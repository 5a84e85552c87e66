// CustomResourceDefinitions: which are accepted, and what the refused ones are told.
import { definitionOf, definitionsPath } from "../custom-kind.ts";
import type { Asking, Scenarios } from "../recording.ts";

const object = (properties: object, rest: object = {}) => ({ type: "object", properties, ...rest });
const text = { type: "string" };
const whole = { type: "integer" };
const list = (items: object, rest: object = {}) => ({ type: "array", items, ...rest });
const rule = (of: object, ...rules: object[]) => ({ ...of, "x-kubernetes-validations": rules });

/** Notes whether a definition is accepted: what becomes of it is left to the controllers of a kube-apiserver. */
async function judge({ subject, note }: Asking, what: string, body: object): Promise<void> {
  const { json, status } = await subject.send("POST", `${definitionsPath}?dryRun=All`, { body });
  note(what, status < 300 ? "accepted" : { status, message: json.message, causes: json.details?.causes });
}

const tries = async (asking: Asking, schemas: object[]) => {
  for (const schema of schemas) {
    await judge(asking, JSON.stringify(schema).slice(0, 300), definitionOf(asking, schema as Record<string, unknown>));
  }
};

export const definitions: Scenarios = {
  async "groups of Kubernetes' own"(asking) {
    const answers = [undefined, "", "x", "unapproved, an experiment", "https://example.com/approval"];
    for (const group of ["foo.k8s.io", "foo.kubernetes.io", "k8s.io", "foo.x-k8s.io"]) {
      for (const answer of answers) {
        const body = definitionOf(asking, object({}));
        const annotations = answer === undefined ? {} : { "api-approved.kubernetes.io": answer };
        const metadata = { name: `${body.spec.names.plural}.${group}`, annotations };
        await judge(asking, `${group} ${answer}`, { ...body, metadata, spec: { ...body.spec, group } });
      }
    }
  },
  async "names and versions"(asking) {
    let count = 0;
    const send = (change: (body: ReturnType<typeof definitionOf>) => void) => {
      const body = definitionOf(asking, object({}));
      change(body);
      return judge(asking, `change ${count++}`, body);
    };
    await send(() => {});
    await send((body) => {
      body.metadata.name = "other";
    });
    await send((body) => {
      body.spec.group = "nodots";
      body.metadata.name = "widgets.nodots";
    });
    await send((body) => {
      body.spec.group = "Wrong_Group.com";
    });
    await send((body) => {
      body.spec.scope = "Everywhere";
    });
    await send((body) => {
      delete body.spec.scope;
    });
    await send((body) => {
      delete body.spec.names;
    });
    await send((body) => {
      body.spec.names = { plural: "Widgets", kind: "widget kind", shortNames: ["W_"], categories: ["A B"] };
    });
    await send((body) => {
      body.spec.names.listKind = "Widget";
    });
    await send((body) => {
      body.spec.versions = [];
    });
    await send((body) => {
      body.spec.versions[0].storage = false;
    });
    await send((body) => {
      body.spec.versions.push({ ...body.spec.versions[0], name: "v2" });
    });
    await send((body) => {
      body.spec.versions.push({ ...body.spec.versions[0], storage: false });
    });
    await send((body) => {
      body.spec.versions[0].name = "Version_1";
    });
    await send((body) => {
      delete body.spec.versions[0].schema;
    });
    await send((body) => {
      body.spec.versions[0].schema = {};
    });
    await send((body) => {
      body.spec.preserveUnknownFields = true;
    });
    await send((body) => {
      body.spec.conversion = { strategy: "Magic" };
    });
    await send((body) => {
      body.spec.conversion = { strategy: "Webhook" };
    });
    await send((body) => {
      body.spec.versions[0].subresources = {
        scale: { specReplicasPath: "status.replicas", statusReplicasPath: ".spec.replicas", labelSelectorPath: "x" },
      };
    });
    await send((body) => {
      body.spec.versions[0].additionalPrinterColumns = [
        { name: "", type: "text", jsonPath: "spec.x" },
        { name: "A", type: "string", jsonPath: ".spec[", format: "odd" },
      ];
    });
    await send((body) => {
      body.spec.versions[0].selectableFields = [{ jsonPath: ".spec.none" }, { jsonPath: "spec" }, { jsonPath: "" }];
    });
    await send((body) => {
      body.spec.versions[0].deprecationWarning = "old";
    });
    await send((body) => {
      body.spec.unknown = true;
    });
  },
  async "structural schemas"(asking) {
    await tries(asking, [
      { type: "string" },
      { properties: { a: text } },
      object({ a: {} }),
      object({ a: { type: "odd" } }),
      object({ a: { type: "array" } }),
      object({ a: list({}) }),
      object({ a: { type: "array", items: [text] } }),
      object({ a: { $ref: "#/definitions/x" } }),
      object({ a: { ...text, $schema: "x", id: "y" } }),
      object({ a: { ...text, uniqueItems: true } }),
      object({ a: object({ b: text }, { additionalProperties: text }) }),
      object({ a: object({ b: text }, { additionalProperties: false }) }),
      object({ a: { type: "object", additionalProperties: false } }),
      object({ a: { anyOf: [{ type: "string" }, { type: "integer" }] } }),
      object({ a: { ...text, allOf: [{ type: "string" }] } }),
      object({ a: { ...text, oneOf: [{ description: "x" }] } }),
      object({ a: object({ b: text }, { anyOf: [{ properties: { c: { minLength: 1 } } }] }) }),
      object({ a: { ...text, not: { default: "x" } } }),
      object({ a: { ...text, nullable: true, allOf: [{ nullable: true }] } }),
      object({ a: { "x-kubernetes-int-or-string": true } }),
      object({ a: { "x-kubernetes-int-or-string": true, type: "string" } }),
      object({ a: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] } }),
      object({ a: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "boolean" }] } }),
      object({ a: { "x-kubernetes-embedded-resource": true } }),
      object({ a: { "x-kubernetes-embedded-resource": true, type: "object" } }),
      object({
        a: { "x-kubernetes-embedded-resource": true, type: "object", "x-kubernetes-preserve-unknown-fields": true },
      }),
      object({ a: { "x-kubernetes-preserve-unknown-fields": false, type: "object" } }),
      object({ a: { "x-kubernetes-preserve-unknown-fields": true } }),
      { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      object({ a: { ...text, pattern: "(" } }),
      object({ a: { ...text, format: "nothing-known" } }),
      object({ a: { ...text, minLength: -1, maxLength: -2 } }),
      object({ a: { ...text, enum: [1] } }),
      object({ a: { ...text, default: 5 } }),
      object({ a: { ...text, default: "x", enum: ["y"] } }),
      object({ a: object({ b: text }, { default: { c: 1 } }) }),
      object({ a: object({ b: text }, { default: {}, required: ["b"] }) }),
      object({ a: list(text, { default: ["a", 1] }) }),
      object({ metadata: object({ name: { ...text, pattern: "^x" } }) }),
      object({ metadata: object({ labels: { type: "object" } }) }),
      object({ metadata: object({ name: { ...text, default: "x" } }) }),
      object({ apiVersion: whole }),
      object({ kind: { ...text, default: "x" } }),
    ]);
  },
  async "list and map types"(asking) {
    const keyed = (items: object, keys: string[], rest: object = {}) =>
      list(items, { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys, ...rest });
    await tries(asking, [
      object({ a: { ...text, "x-kubernetes-list-type": "set" } }),
      object({ a: list(text, { "x-kubernetes-list-type": "odd" }) }),
      object({ a: list(text, { "x-kubernetes-list-type": "set" }) }),
      object({ a: list(object({ b: text }), { "x-kubernetes-list-type": "set" }) }),
      object({
        a: list(object({ b: text }, { "x-kubernetes-map-type": "atomic" }), { "x-kubernetes-list-type": "set" }),
      }),
      object({ a: list(list(text, { "x-kubernetes-list-type": "set" }), { "x-kubernetes-list-type": "set" }) }),
      object({ a: list({ ...text, nullable: true }, { "x-kubernetes-list-type": "set" }) }),
      object({ a: list(text, { "x-kubernetes-list-map-keys": ["b"] }) }),
      object({ a: list(text, { "x-kubernetes-list-type": "map" }) }),
      object({ a: keyed(text, ["b"]) }),
      object({ a: keyed(object({ c: text }), ["b"]) }),
      object({ a: keyed(object({ b: text }), ["b"]) }),
      object({ a: keyed(object({ b: text }, { required: ["b"] }), ["b"]) }),
      object({ a: keyed(object({ b: { ...text, default: "x" } }), ["b"]) }),
      object({ a: keyed(object({ b: list(text) }, { required: ["b"] }), ["b", "b"]) }),
      object({ a: keyed(object({ b: { ...text, nullable: true } }, { required: ["b"] }), ["b"]) }),
      object({ a: { ...text, "x-kubernetes-map-type": "atomic" } }),
      object({ a: { "x-kubernetes-map-type": "atomic" } }),
      object({ a: { type: "object", "x-kubernetes-map-type": "odd" } }),
    ]);
  },
  async "rules and their costs"(asking) {
    const twice = "self.all(x, self.exists_one(y, x == y))";
    const keyed = { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"] };
    await tries(asking, [
      object({ a: rule(text, { rule: "self == 'x'" }) }),
      object({ a: rule(text, { rule: "" }) }),
      object({ a: rule(text, { rule: "  " }) }),
      object({ a: rule(text, { rule: "self" }) }),
      object({ a: rule(text, { rule: "self.size() >" }) }),
      object({ a: rule(text, { rule: "nosuch(self)" }) }),
      object({ a: rule(text, { rule: "other == 'x'" }) }),
      object({ a: rule(whole, { rule: "self == 'x'" }) }),
      rule(object({ a: text }), { rule: "self.b == 'x'" }),
      rule(object({ a: text }), { rule: "self.metadata.name == 'x' && has(self.a)" }),
      rule(object({ a: text }), { rule: "has(self.metadata.labels)" }),
      rule(object({ a: text }), { rule: "self.a.lowerAsci() == 'x'" }),
      object({ a: rule(text, { rule: "self == 'x'", message: " " }) }),
      object({ a: rule(text, { rule: "self == 'x'", message: "a\nb" }) }),
      object({ a: rule(text, { rule: "self ==\n'x'" }) }),
      object({ a: rule(text, { rule: "self == 'x'", messageExpression: "1" }) }),
      object({ a: rule(text, { rule: "self == 'x'", messageExpression: " " }) }),
      object({ a: rule(text, { rule: "self == 'x'", messageExpression: "self + 'y'" }) }),
      object({ a: rule(text, { rule: "self == 'x'", reason: "Odd" }) }),
      object({ a: rule(text, { rule: "self == 'x'", fieldPath: ".b" }) }),
      rule(object({ a: text }), { rule: "true", fieldPath: ".a" }, { rule: "true", fieldPath: ".b" }),
      rule(object({ a: text }), { rule: "true", fieldPath: "a" }, { rule: "true", fieldPath: " " }),
      object({ a: rule(text, { rule: "self == 'x'", optionalOldSelf: true }) }),
      object({ a: rule(text, { rule: "self == oldSelf.orValue('')", optionalOldSelf: true }) }),
      object({ a: list(rule(text, { rule: "self == oldSelf" })) }),
      object({ a: list(object({ n: rule(text, { rule: "self == oldSelf" }) }, { required: ["n"] }), keyed) }),
      object({ a: rule(list(text), { rule: twice }) }),
      object({ a: rule(list(text, { maxItems: 10 }), { rule: twice }) }),
      object({ a: rule(list({ ...text, maxLength: 10 }, { maxItems: 50 }), { rule: twice }) }),
      object({
        a: list(rule({ ...text, maxLength: 1000 }, { rule: "self.contains('abcdefghij')" }), { maxItems: 30_000 }),
      }),
      object({ a: list(rule({ ...text, maxLength: 1000 }, { rule: "self.contains('abcdefghij')" })) }),
      object({ a: { type: "object", additionalProperties: rule(text, { rule: "self.matches('^a+$')" }) } }),
      object(
        Object.fromEntries(
          Array.from({ length: 11 }, (_, i) => [
            `p${String(i).padStart(2, "0")}`,
            list(rule({ ...text, maxLength: 1000 }, { rule: "self.contains('abcdefghij')" }), { maxItems: 24_000 - i }),
          ]),
        ),
      ),
      object({
        a: rule(text, {
          rule: "self == 'x'",
          messageExpression: "[self].map(x, [self].map(y, x + y)).size() > 0 ? 'a' : 'b'",
        }),
      }),
    ]);
  },
};
