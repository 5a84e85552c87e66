import assert from "node:assert/strict";
import { test } from "node:test";
import {
  applyJsonPatch,
  applyMergePatch,
  canonicalQuantity,
  equal,
  matches,
  parseFieldSelector,
  parseLabelSelector,
} from "./index.ts";

/** Document, operations, result. Source: RFC 6902, appendix A. */
const good: [unknown, object[], unknown][] = [
  [{ foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { foo: "bar", baz: "qux" }],
  [{ foo: ["bar", "baz"] }, [{ op: "add", path: "/foo/1", value: "qux" }], { foo: ["bar", "qux", "baz"] }],
  [{ foo: ["bar"] }, [{ op: "add", path: "/foo/-", value: ["abc"] }], { foo: ["bar", ["abc"]] }],
  [{ baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
  [{ foo: ["bar", "qux", "baz"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["bar", "baz"] }],
  [{ baz: "qux" }, [{ op: "replace", path: "/baz", value: "boo" }], { baz: "boo" }],
  [{ foo: { bar: 1 }, qux: {} }, [{ op: "move", from: "/foo/bar", path: "/qux/thud" }], { foo: {}, qux: { thud: 1 } }],
  [{ foo: [1, 2, 3] }, [{ op: "move", from: "/foo/0", path: "/foo/2" }], { foo: [2, 3, 1] }],
  [{ a: { b: 1 } }, [{ op: "copy", from: "/a", path: "/c" }], { a: { b: 1 }, c: { b: 1 } }],
  [
    { "/": 9, "~1": 10 },
    [
      { op: "test", path: "/~01", value: 10 },
      { op: "remove", path: "/~1" },
    ],
    { "~1": 10 },
  ],
];
const refused: [unknown, object[]][] = [
  [{ foo: "bar" }, [{ op: "add", path: "/baz/bat", value: 1 }]],
  [{ foo: [] }, [{ op: "add", path: "/foo/2", value: 1 }]],
  [{ foo: 1 }, [{ op: "remove", path: "/bar" }]],
  [{ foo: 1 }, [{ op: "test", path: "/foo", value: 2 }]],
];

test("JSON patches", () => {
  for (const [document, operations, expected] of good)
    assert.deepEqual(applyJsonPatch(structuredClone(document), operations), expected);
  for (const [document, operations] of refused)
    assert.throws(() => applyJsonPatch(document, operations), { reason: "Invalid" });
  assert.throws(() => applyJsonPatch({}, {}), { reason: "BadRequest" });
  assert.throws(() => applyJsonPatch({}, [{ op: "none", path: "/a" }]), { reason: "Invalid" });
  // As upstream's library does.
  assert.deepEqual(applyJsonPatch({}, [{ op: "replace", path: "/a", value: 1 }]), { a: 1 });
  assert.deepEqual(applyJsonPatch({}, [{ op: "add", path: "/a" }]), { a: null });
});

test("a JSON patch cannot reach a prototype", () => {
  const document = {};
  assert.throws(() => applyJsonPatch(document, [{ op: "add", path: "/__proto__/polluted", value: 1 }]));
  applyJsonPatch(document, [{ op: "add", path: "/__proto__", value: { polluted: 1 } }]);
  assert.equal(({} as { polluted?: number }).polluted, undefined);
  assert.equal((document as { polluted?: number }).polluted, undefined);
});

test("merge patches", () => {
  const target = { a: "b", c: { d: "e", f: "g" } };
  assert.deepEqual(applyMergePatch(target, { a: "z", c: { f: null } }), { a: "z", c: { d: "e" } });
  assert.deepEqual(applyMergePatch({ a: [{ b: "c" }] }, { a: [1] }), { a: [1] });
  assert.deepEqual(applyMergePatch({}, { a: { bb: { ccc: null } } }), { a: { bb: {} } });
  assert.deepEqual(target.c, { d: "e", f: "g" });
});

test("equality is of JSON: order does not matter, undefined is as absent", () => {
  assert.ok(equal({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1, d: undefined }));
  assert.ok(!equal({ a: 1 }, { a: 1, b: null }));
  assert.ok(!equal([1, 2], [2, 1]));
});

test("label selectors, equality- and set-based", () => {
  const labels = { env: "prod", tier: "web", n: "5" };
  const selecting = [
    "env=prod",
    "env==prod,tier!=db",
    "env in (prod, dev)",
    "tier notin (db),env",
    "!absent",
    "n>3,n<9",
    "other!=x",
    "",
  ];
  const missing = ["env=dev", "env notin (prod)", "absent", "!env", "n>5", "tier in ()"];
  for (const text of selecting) assert.ok(matches(parseLabelSelector(text), labels), text);
  for (const text of missing) assert.ok(!matches(parseLabelSelector(text), labels), text);
  for (const text of ["a=b=c", "a in b", "a in (b", "=b", "a b", "a,,b", "-a=b", "a=-b", "a=b,"]) {
    assert.throws(() => parseLabelSelector(text), { reason: "BadRequest" }, text);
  }
});

test("field selectors", () => {
  assert.deepEqual(parseFieldSelector("a.b=c,d!=e\\,f"), [
    { field: "a.b", equal: true, value: "c" },
    { field: "d", equal: false, value: "e,f" },
  ]);
  assert.throws(() => parseFieldSelector("a"), { reason: "BadRequest" });
});

test("quantities take the form in which the API stores them", () => {
  const forms = {
    "1000m": "1",
    "0.5": "500m",
    "1024Mi": "1Gi",
    "1.5Gi": "1536Mi",
    "1000": "1k",
    "1e3": "1e3",
    "0.1m": "100u",
    "0": "0",
    "-500m": "-500m",
    "0.5Ki": "512",
  };
  for (const [text, form] of Object.entries(forms)) assert.equal(canonicalQuantity(text), form);
});

test("copies into themselves end at the limits of size and depth", () => {
  const refused = /the server rejected our request due to an error in our request/;
  const doubling = Array.from({ length: 40 }, (_, i) => ({ op: "copy", from: "/a", path: `/a/${i}` }));
  assert.throws(() => applyJsonPatch({ a: { text: "x" } }, doubling), refused);
  const deepening = Array.from({ length: 12 }, () => ({ op: "copy", from: "/a", path: `/a${"/a".repeat(300)}` }));
  let nested: object = {};
  for (let i = 0; i < 300; i++) nested = { a: nested };
  assert.throws(() => applyJsonPatch({ a: nested }, deepening), refused);
  assert.throws(() => applyJsonPatch({}, [{ op: "add", path: "/a".repeat(513), value: 1 }]), refused);
  const copied = { a: { b: [1, { c: "d" }] } };
  assert.deepEqual(applyJsonPatch(structuredClone(copied), [{ op: "copy", from: "/a", path: "/e" }]), {
    ...copied,
    e: copied.a,
  });
});
