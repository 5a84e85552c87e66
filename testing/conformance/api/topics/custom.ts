// Objects of custom kinds: pruned, defaulted, validated, by their own rules too, and through their subresources.
import { define, definitionsPath, groupOf, undefine } from "../custom-kind.ts";
import type { Asking, Scenarios } from "../recording.ts";

type Fields = Record<string, unknown>;
const object = (properties: object, rest: object = {}): Fields => ({ type: "object", properties, ...rest });
const text = { type: "string" };
const whole = { type: "integer" };
const list = (items: object, rest: object = {}) => ({ type: "array", items, ...rest });
const map = (values: object, rest: object = {}) => ({ type: "object", additionalProperties: values, ...rest });
const rule = (of: object, ...rules: object[]) => ({ ...of, "x-kubernetes-validations": rules });

/** Creates and updates one object after the other, each of a name. */
function writer({ ask, unique }: Asking, path: string) {
  const whole = (name: string, body: object) => ({
    apiVersion: `${unique}.example.com/v1`,
    kind: "Widget",
    metadata: { name },
    ...body,
  });
  return {
    create: (name: string, body: object, query = "") => ask("POST", path + query, { body: whole(name, body) }),
    patch: (name: string, body: object) =>
      ask("PATCH", `${path}/${name}`, { body, type: "application/merge-patch+json" }),
    apply: (name: string, body: object, query: string) =>
      ask("PATCH", `${path}/${name}?${query}`, { body: whole(name, body), type: "application/apply-patch+yaml" }),
  };
}

export const custom: Scenarios = {
  async "unknown fields"(asking) {
    const spec = object({
      a: text,
      m: map(text),
      open: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { in: object({ b: text }) } },
      any: { "x-kubernetes-preserve-unknown-fields": true },
      e: { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true },
      strict: { type: "object", "x-kubernetes-embedded-resource": true, properties: { spec: object({ b: text }) } },
      l: list(object({ b: text })),
    });
    const { path } = await define(asking, object({ spec }));
    const { create } = writer(asking, path());
    const full = {
      spec: {
        a: "1",
        x: 1,
        m: { k: "v" },
        open: { z: 1, in: { b: "1", c: 2 } },
        any: [{ q: 1 }],
        l: [{ b: "1", c: 1 }],
      },
      other: true,
    };
    await create("ignored", full, "?fieldValidation=Ignore");
    await create("warned", full, "?fieldValidation=Warn");
    await create("refused", full, "?fieldValidation=Strict");
    await create("embedded", { spec: { e: { apiVersion: "v1", kind: "Pod", metadata: { name: "x", odd: 1 }, z: 1 } } });
    await create("no-kind", { spec: { e: { metadata: { name: "x" } } } });
    await create("bad-meta", {
      spec: { e: { apiVersion: "v1", kind: "Pod", metadata: { name: "-x-", labels: { "a b": "c" } } } },
    });
    await create("strict", {
      spec: { strict: { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { b: "1", c: 1 }, z: 1 } },
    });
    await create("duplicate", {}, "?fieldValidation=Strict");
    await asking.ask("POST", `${path()}?fieldValidation=Strict`, {
      body: `{"apiVersion":"${groupOf(asking)}/v1","kind":"Widget","metadata":{"name":"twice"},"spec":{"a":"1","a":"2"}}`,
    });
    await asking.ask("POST", path(), {
      body: { apiVersion: `${groupOf(asking)}/v2`, kind: "Widget", metadata: { name: "v" } },
    });
    await undefine(asking);
  },
  async defaults(asking) {
    const spec = object(
      {
        a: { ...text, default: "A" },
        n: { ...whole, nullable: true, default: 5 },
        o: object({ p: { ...text, default: "P" } }),
        d: object({ p: { ...text, default: "P" }, q: text }, { default: { q: "Q" } }),
        l: list(object({ p: { ...text, default: "P" } })),
        m: map(object({ p: { ...text, default: "P" } })),
        f: { type: "boolean", default: false },
      },
      { default: {} },
    );
    const { path } = await define(asking, object({ spec }));
    const { create, patch } = writer(asking, path());
    await create("none", {});
    await create("some", { spec: { a: "x", n: null, o: {}, d: {}, l: [{}, { p: "x" }], m: { k: {} } } });
    await create("nulls", { spec: { a: null, n: 1, o: null, f: null } });
    await create("null-spec", { spec: null });
    await patch("some", { spec: { a: null, n: 7, d: null } });
    await asking.ask("GET", `${path()}/some`);
    await undefine(asking);
  },
  async values(asking) {
    const spec = object(
      {
        i: { ...whole, minimum: 1, maximum: 10, multipleOf: 2 },
        x: { type: "number", minimum: 0, exclusiveMinimum: true, maximum: 1, exclusiveMaximum: true },
        i32: { ...whole, format: "int32" },
        i64: { ...whole, format: "int64" },
        s: { ...text, minLength: 2, maxLength: 4, pattern: "^[a-z]+$" },
        e: { ...text, enum: ["a", "b"] },
        b: { type: "boolean" },
        l: list(text, { minItems: 1, maxItems: 2 }),
        set: list(text, { "x-kubernetes-list-type": "set" }),
        k: list(object({ n: text, p: whole }, { required: ["n"] }), {
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["n"],
        }),
        m: map(whole, { minProperties: 1, maxProperties: 2 }),
        ios: { "x-kubernetes-int-or-string": true },
        nul: { ...text, nullable: true },
        o: object({ r: text, q: text }, { required: ["r"] }),
        any: { ...object({ a: text, b: text }), oneOf: [{ required: ["a"] }, { required: ["b"] }] },
        some: { ...object({ a: text, b: text }), anyOf: [{ required: ["a"] }, { required: ["b"] }] },
        all: { ...text, allOf: [{ minLength: 2 }, { pattern: "^x" }] },
        not: { ...text, not: { enum: ["bad"] } },
        time: { ...text, format: "date-time" },
        date: { ...text, format: "date" },
        byte: { ...text, format: "byte" },
        uuid: { ...text, format: "uuid" },
        ip: { ...text, format: "ipv4" },
        ip6: { ...text, format: "ipv6" },
        cidr: { ...text, format: "cidr" },
        uri: { ...text, format: "uri" },
        email: { ...text, format: "email" },
        host: { ...text, format: "hostname" },
        dur: { ...text, format: "duration" },
        mac: { ...text, format: "mac" },
      },
      { required: ["i"] },
    );
    const { path } = await define(asking, object({ spec }, { required: ["spec"] }));
    const { create } = writer(asking, path());
    const one = (name: string, fields: object) => create(name, { spec: { i: 2, ...fields } }, "?dryRun=All");
    await create("none", {});
    await create("no-i", { spec: {} });
    await create("wrong", { spec: [] });
    await create("text", { spec: "x" });
    const values: [string, unknown[]][] = [
      ["i", [0, 11, 3, 2.5, "2", null, true]],
      ["x", [0, 1, 0.5, "0.5"]],
      ["i32", [2147483648, -2147483648, 1.5]],
      ["i64", ["9", 12]],
      ["s", ["a", "abcde", "AB", "ab", 5, ["a"]]],
      ["e", ["c", "a", 1]],
      ["b", ["true", true, 1]],
      ["l", [[], ["a", "b", "c"], ["a", 1], "a", {}]],
      [
        "set",
        [
          ["a", "a"],
          ["a", "b"],
        ],
      ],
      ["k", [[{ n: "a" }, { n: "a", p: 1 }], [{ p: 1 }], [{ n: "a" }, { n: "b" }], [null]]],
      ["m", [{}, { a: 1, b: 2, c: 3 }, { a: "x" }]],
      ["ios", [1, "x", 1.5, true, null]],
      ["nul", [null, "x", 1]],
      ["o", [{}, { r: "x" }, { r: null }, { q: 1 }]],
      ["any", [{}, { a: "x" }, { a: "x", b: "y" }]],
      ["some", [{}, { a: "x", b: "y" }]],
      ["all", ["x", "yy", "xy"]],
      ["not", ["bad", "good"]],
      ["time", ["2024-01-01T00:00:00Z", "2024-01-01", "x"]],
      ["date", ["2024-01-01", "2024-13-01"]],
      ["byte", ["aGVsbG8=", "###"]],
      ["uuid", ["a3bb189e-8bf9-3888-9912-ace4e6543002", "x"]],
      ["ip", ["10.0.0.1", "10.0.0.256", "::1"]],
      ["ip6", ["::1", "10.0.0.1"]],
      ["cidr", ["10.0.0.0/8", "10.0.0.0"]],
      ["uri", ["https://a.b/c", "x y", "/a"]],
      ["email", ["a@b.c", "a"]],
      ["host", ["a.b", "a_b"]],
      ["dur", ["1h30m", "x", "1 day"]],
      ["mac", ["01:23:45:67:89:ab", "x"]],
    ];
    for (const [field, tried] of values)
      for (const [i, value] of tried.entries()) await one(`${field}-${i}`, { [field]: value });
    await one("many", { i: 0, s: "A", e: "c", o: {} });
    await undefine(asking);
  },
  async rules(asking) {
    const spec = object(
      {
        min: whole,
        max: whole,
        name: rule(text, { rule: "self == oldSelf", message: "name is immutable" }),
        once: rule(text, {
          rule: "!oldSelf.hasValue() || oldSelf.value() == self",
          optionalOldSelf: true,
          message: "set once",
        }),
        names: rule(list(text, { maxItems: 10 }), {
          rule: "self.all(n, n.startsWith('a'))",
          reason: "FieldValueForbidden",
          message: "only a",
        }),
        memory: text,
        labels: map(rule(text, { rule: "self.size() < 5" }), { maxProperties: 5 }),
        time: { ...text, format: "date-time" },
        items: list(
          object({ n: text, v: rule(whole, { rule: "self >= oldSelf", message: "grows" }) }, { required: ["n"] }),
          {
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["n"],
            maxItems: 5,
          },
        ),
        "dashed-name": rule(text, { rule: "self.matches('^x+$')", reason: "FieldValueRequired" }),
        any: { "x-kubernetes-int-or-string": true },
        fails: whole,
      },
      {
        "x-kubernetes-validations": [
          { rule: "!has(self.min) || !has(self.max) || self.min <= self.max", message: "min is above max" },
          {
            rule: "!has(self.memory) || quantity(self.memory).isLessThan(quantity('1Gi'))",
            fieldPath: ".memory",
            reason: "FieldValueDuplicate",
            messageExpression: "'too much: ' + self.memory",
          },
          { rule: "!has(self.time) || self.time < timestamp('2030-01-01T00:00:00Z')", messageExpression: "'  '" },
          { rule: "!has(self.any) || (type(self.any) == int ? self.any > 0 : self.any.endsWith('%'))" },
          { rule: "!has(self.fails) || 10 / self.fails > 1" },
          { rule: "!has(self.labels) || self.labels['a'] == 'x' || !('a' in self.labels)" },
        ],
      },
    );
    const { path } = await define(
      asking,
      rule(object({ spec }), { rule: "self.metadata.name != 'forbidden'", fieldPath: ".spec" }),
    );
    const { create, patch } = writer(asking, path());
    await create("forbidden", {});
    await create("good", {
      spec: {
        min: 1,
        max: 2,
        name: "n",
        names: ["ab"],
        memory: "64Mi",
        labels: { a: "x" },
        items: [{ n: "a", v: 1 }],
        "dashed-name": "xx",
      },
    });
    await create("bad", {
      spec: { min: 3, max: 2, names: ["b"], memory: "2Gi", labels: { a: "longer" }, "dashed-name": "y" },
    });
    await create("late", { spec: { time: "2031-01-01T00:00:00Z" } });
    await create("text", { spec: { any: "5" } });
    await create("zero", { spec: { fails: 0 } });
    await create("type", { spec: { min: "x", max: 1 } });
    await create("missing", { spec: { labels: { b: "x" } } });
    await patch("good", { spec: { name: "m" } });
    await patch("good", { spec: { once: "a" } });
    await patch("good", { spec: { once: "b" } });
    await patch("good", { spec: { name: null } });
    await patch("good", { spec: { items: [{ n: "a", v: 0 }] } });
    await patch("good", { spec: { items: [{ n: "b", v: 0 }] } });
    await undefine(asking);
  },
  async budgets(asking) {
    // A long text: much is counted, little is done. Each turn costs a little more than 9,000.
    const searched = (turns: number) => {
      return { rule: `[${Array.from({ length: turns }, (_, i) => i)}].all(i, !self.contains('${"b".repeat(100)}'))` };
    };
    const ruled = (...rules: object[]) => ({ ...text, maxLength: 9000, "x-kubernetes-validations": rules });
    const spec = object({ one: ruled(searched(120)), all: ruled(...Array.from({ length: 15 }, () => searched(100))) });
    const { path } = await define(asking, object({ spec }));
    const { create } = writer(asking, path());
    const long = "a".repeat(9000);
    await create("fits", { spec: { one: "a", all: "a" } });
    await create("one", { spec: { one: long } });
    await create("all", { spec: { all: long } });
    await undefine(asking);
  },
  async "what was wrong before"(asking) {
    const loose = object({
      spec: object({
        a: text,
        b: text,
        l: list(object({ n: text, v: text }, { required: ["n"] }), {
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["n"],
        }),
        s: list(text),
      }),
    });
    const { path, group } = await define(asking, loose);
    const { create, patch } = writer(asking, path());
    await create("old", {
      spec: {
        a: "wrong",
        b: "x",
        l: [
          { n: "1", v: "wrong" },
          { n: "2", v: "ok" },
        ],
        s: ["wrong"],
      },
    });
    const strict = { ...text, pattern: "^ok" };
    const tight = object({
      spec: rule(
        object({
          a: rule(strict, { rule: "self.startsWith('ok')", message: "not ok" }),
          b: text,
          c: text,
          l: list(object({ n: text, v: strict }, { required: ["n"] }), {
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["n"],
          }),
          s: list(strict),
        }),
        { rule: "!has(self.a) || self.a != 'wrong'", message: "wrong as a whole" },
      ),
    });
    const name = `${definitionsPath}/widgets.${group}`;
    const present = (await asking.subject.send("GET", name)).json;
    present.spec.versions[0].schema.openAPIV3Schema = tight;
    await asking.subject.send("PUT", name, { body: present });
    await settled(asking, path());
    await patch("old", { metadata: { labels: { x: "y" } } });
    await patch("old", { spec: { b: "y" } });
    await patch("old", { spec: { a: "worse" } });
    await patch("old", {
      spec: {
        l: [
          { n: "1", v: "wrong" },
          { n: "2", v: "bad" },
        ],
      },
    });
    await patch("old", { spec: { s: ["wrong", "ok"] } });
    await create("new", { spec: { a: "wrong" } });
    await undefine(asking);
  },
  async subresources(asking) {
    const schema = object({
      spec: object({ replicas: whole, selector: text }),
      status: object({ replicas: whole, selector: text, phase: text }),
    });
    const { path } = await define(asking, [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: {
          status: {},
          scale: {
            specReplicasPath: ".spec.replicas",
            statusReplicasPath: ".status.replicas",
            labelSelectorPath: ".status.selector",
          },
        },
        additionalPrinterColumns: [
          { name: "Replicas", type: "integer", jsonPath: ".spec.replicas" },
          { name: "Phase", type: "string", jsonPath: ".status.phase", priority: 1 },
          { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
        ],
        selectableFields: [{ jsonPath: ".spec.selector" }],
      },
    ]);
    const { ask } = asking;
    const { create, patch } = writer(asking, path());
    await create("a", { spec: { replicas: 2, selector: "s" }, status: { phase: "P" } });
    const merge = "application/merge-patch+json";
    await ask("PATCH", `${path()}/a/status`, {
      body: {
        spec: { replicas: 9 },
        status: { replicas: 1, selector: "app=a", phase: "Q" },
      },
      type: merge,
    });
    await ask("GET", `${path()}/a/scale`);
    await ask("PATCH", `${path()}/a/scale`, { body: { spec: { replicas: 4 } }, type: merge });
    await ask("PUT", `${path()}/a/scale`, { body: { metadata: { name: "a" }, spec: { replicas: -1 } } });
    await ask("GET", `${path()}/a`);
    await patch("a", { status: { phase: "Z" } });
    await patch("a", { metadata: { annotations: { x: "y" } } });
    await ask("GET", path(), { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
    await create("b", { spec: { selector: "other" } });
    await ask("GET", `${path()}?fieldSelector=spec.selector%3Dother`);
    await ask("GET", `${path()}?fieldSelector=spec.replicas%3D1`);
    await ask("GET", `${path()}/b/scale`);
    await ask("PATCH", `${path()}/a`, { body: { spec: {} }, type: "application/strategic-merge-patch+json" });
    await undefine(asking);
  },
  async "several versions"(asking) {
    const schema = { openAPIV3Schema: object({ spec: object({ a: text }) }) };
    const { path } = await define(asking, [
      { name: "v1", served: true, storage: true, schema },
      { name: "v1beta1", served: true, storage: false, schema, deprecated: true },
      { name: "v1alpha1", served: true, storage: false, schema, deprecated: true, deprecationWarning: "v1alpha1 goes" },
      { name: "v2", served: false, storage: false, schema },
    ]);
    const { ask } = asking;
    await writer(asking, path()).create("a", { spec: { a: "1" } });
    await ask("GET", `${path("v1beta1")}/a`);
    await ask("GET", path("v1alpha1"));
    await ask("GET", `/apis/${groupOf(asking)}`);
    const name = `${definitionsPath}/widgets.${groupOf(asking)}`;
    const present = (await asking.subject.send("GET", name)).json;
    asking.note("the definition", { spec: present.spec, status: present.status });
    await ask("PUT", name, {
      body: { ...present, spec: { ...present.spec, versions: present.spec.versions.slice(1) } },
    });
    await ask("PUT", name, { body: { ...present, spec: { ...present.spec, scope: "Cluster" } } });
    await ask("PUT", name, {
      body: { ...present, spec: { ...present.spec, names: { ...present.spec.names, kind: "Gadget" } } },
    });
    await undefine(asking);
  },
  async apply(asking) {
    const spec = object({
      a: text,
      set: list(text, { "x-kubernetes-list-type": "set" }),
      k: list(object({ n: text, p: { ...whole, default: 1 }, v: text }, { required: ["n"] }), {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["n", "p"],
      }),
      atomic: list(text),
      m: map(text),
      am: map(text, { "x-kubernetes-map-type": "atomic" }),
    });
    const { path } = await define(asking, object({ spec }));
    const { apply } = writer(asking, path());
    await apply(
      "a",
      { spec: { a: "1", set: ["a"], k: [{ n: "x", v: "1" }], atomic: ["1"], m: { a: "1" }, am: { a: "1" } } },
      "fieldManager=one",
    );
    await apply("a", { spec: { set: ["b"], k: [{ n: "y", v: "2" }], m: { b: "2" } } }, "fieldManager=two");
    await apply("a", { spec: { a: "2" } }, "fieldManager=two");
    await apply("a", { spec: { atomic: ["2"] } }, "fieldManager=two");
    await apply("a", { spec: { am: { b: "1" } } }, "fieldManager=two");
    await apply("a", { spec: { k: [{ n: "x", p: 1, v: "9" }] } }, "fieldManager=two");
    await apply("a", { spec: { a: "2", k: [{ n: "x", v: "9" }] } }, "fieldManager=two&force=true");
    await apply("a", { spec: { a: "1" } }, "fieldManager=one");
    await apply("a", { spec: { set: ["a", "a"] } }, "fieldManager=three");
    await apply("a", { spec: { k: [{ v: "1" }] } }, "fieldManager=three");
    await apply("a", { spec: { odd: 1 } }, "fieldManager=three");
    await undefine(asking);
  },
};

/** A kube-apiserver takes up a changed definition some time after it was written: then new objects must be ok. */
async function settled({ subject, unique }: Asking, path: string): Promise<void> {
  const body = {
    apiVersion: `${unique}.example.com/v1`,
    kind: "Widget",
    metadata: { name: "probe" },
    spec: { a: "probe" },
  };
  for (let times = 0; times < 200; times++) {
    const { status } = await subject.send("POST", `${path}?dryRun=All`, { body });
    if (status === 422) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the changed definition is not taken up");
}
