import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONSchemaProps } from "@capstan/api/generated/apiextensions-v1";
import { FieldErrors } from "../../field-errors.ts";
import { checkSchemaRules } from "../definition/expressions.ts";
import { compileExpression, estimateExpression } from "../expressions.ts";
import { checkRules } from "../rules.ts";
import { readStructure } from "../structure.ts";
import { toCel } from "../values.ts";
import { type Declared, declare } from "./declared.ts";
import { CostExceeded } from "./meter.ts";

const strings = (maxLength?: number): JSONSchemaProps => ({
  type: "string",
  ...(maxLength === undefined ? {} : { maxLength }),
});
const integer: JSONSchemaProps = { type: "integer" };
const list = (items: JSONSchemaProps, maxItems?: number): JSONSchemaProps => ({
  type: "array",
  items,
  ...(maxItems === undefined ? {} : { maxItems }),
});
const named = { n: strings(6), v: integer };

const schema: JSONSchemaProps = {
  type: "object",
  properties: {
    a: integer,
    b: integer,
    d: { type: "number" },
    s: strings(20),
    t: strings(),
    e: { type: "string", enum: ["aa", "bbb"] },
    l: list(strings(10), 5),
    li: list(integer),
    lu: list(strings()),
    m: { type: "object", additionalProperties: strings(8), maxProperties: 4 },
    mu: { type: "object", additionalProperties: integer },
    o: {
      type: "object",
      required: ["x"],
      properties: { x: integer, y: strings(), z: { type: "object", properties: { w: strings(5) } } },
    },
    lo: list({ type: "object", properties: named }, 3),
    lou: list({ type: "object", required: ["n"], properties: named }),
    ios: { "x-kubernetes-int-or-string": true },
    bo: { type: "boolean" },
    by: { type: "string", format: "byte" },
    dt: { type: "string", format: "date-time" },
    du: { type: "string", format: "duration" },
    da: { type: "string", format: "date" },
    ip: strings(39),
    q: strings(12),
    "da-sh": strings(3),
    namespace: strings(),
    ll: list(list(integer, 6), 4),
  },
};

const object = {
  a: 1,
  b: 2,
  d: 1.5,
  s: "hello wörld",
  t: "some text that is long enough to cost",
  e: "aa",
  l: ["aa", "b", "cc"],
  li: [1, 2, 3, 4],
  lu: ["x", "y"],
  m: { k: "v", k2: "w" },
  mu: { a: 1 },
  o: { x: 3, y: "yy", z: { w: "w" } },
  lo: [
    { n: "a", v: 1 },
    { n: "b", v: 2 },
  ],
  lou: [
    { n: "a", v: 1 },
    { n: "b", v: 2 },
  ],
  ios: "5%",
  bo: true,
  by: "aGVsbG8=",
  dt: "2024-01-01T00:00:00Z",
  du: "1h",
  da: "2024-01-01",
  ip: "10.0.0.1",
  q: "100Mi",
  "da-sh": "x",
  namespace: "ns",
  ll: [[1, 2], [3]],
};

/** Rule, estimated cost (at least 2e15 stands for more), cost of its evaluation: what apiextensions 1.34.1 reckons. */
const reckoned: [string, number, number][] = [
  ["self.a == 1", 2, 3],
  ["self.a < self.b", 5, 5],
  ["self.d > 1.0", 3, 3],
  ["self.d < 3", 3, 3],
  ["self.s == 'hello'", 3, 3],
  ["self.s == self.t", 12, 6],
  ["self.s < self.t", 12, 6],
  ["self.s + self.t == 'x'", 314586, 10],
  ["self.s.startsWith('hel')", 3, 4],
  ["self.t.endsWith(self.s)", 12, 8],
  ["self.t.contains(self.s)", 2516588, 12],
  ["self.s.matches('^[a-z]+$')", 20, 6],
  ["self.t.matches('^[a-z ]+$')", 943721, 14],
  ["self.s.size() == 11", 4, 4],
  ["size(self.l) == 3", 4, 4],
  ["self.e == 'aa'", 3, 3],
  ["self.e in ['aa','bbb']", 14, 2],
  ["'aa' in self.l", 7, 5],
  ["'x' in self.lu", 1048577, 4],
  ["'k' in self.m", 3, 3],
  ["self.m['k'] == 'v'", 4, 4],
  ["self.m.k == 'v'", 4, 4],
  ["self.l[0] == 'aa'", 4, 4],
  ["self.l.all(x, x.size() < 5)", 33, 21],
  ["self.l.all(x, x == 'aa')", 28, 15],
  ["self.l.exists(x, x == 'b')", 33, 18],
  ["self.l.exists_one(x, x == 'b')", 24, 12],
  ["self.l.map(x, x + 'q').size() == 3", 105, 47],
  ["self.l.map(x, x + 'q').all(y, y == 'z')", 124, 53],
  ["self.l.map(x, x.size() > 1, x + 'q').size() == 2", 120, 42],
  ["self.l.filter(x, x == 'b').size() == 1", 90, 24],
  ["self.l.filter(x, x == 'b').all(y, y == 'b')", 109, 28],
  ["self.lu.all(x, self.lu.exists_one(y, x == y))", 2e15, 33],
  ["self.li.all(x, x > 0)", 7864318, 23],
  ["self.mu.all(k, k.startsWith('a'))", 2246948, 8],
  ["has(self.a)", 1, 1],
  ["has(self.o.z.w)", 3, 3],
  ["!has(self.o.z.w) || self.o.z.w == 'w'", 9, 9],
  ["has(self.o.z) && has(self.o.z.w) && self.o.z.w.size() < 5", 11, 11],
  ["self.o.x > 2 ? self.o.y == 'yy' : self.bo", 8, 8],
  ["self.lo.all(i, i.n != '' && i.v > 0)", 27, 19],
  ["self.lo.exists(i, i.n == 'b' && has(i.v))", 27, 18],
  ["self.lou.all(i, i.n.matches('^a'))", 2516579, 15],
  ["self.lou.all(i, self.lou.exists_one(j, i.n == j.n))", 890602090663, 41],
  ["self.ios == '5%' || self.ios == 5", 6, 3],
  ["self.by == b'hello'", 3, 3],
  ["self.dt > timestamp('2023-01-01T00:00:00Z')", 4, 3],
  ["self.du < duration('2h')", 4, 3],
  ["self.dt.getFullYear() == 2024", 4, 4],
  ["timestamp(string(self.dt)) == self.dt", 7, 7],
  ["int(string(self.a)) == 1", 5, 5],
  ["isIP(self.ip) && ip(self.ip).family() == 4", 38, 8],
  ["cidr('10.0.0.0/8').containsIP(self.ip)", 23, 5],
  ["cidr('10.0.0.0/8').containsIP(ip(self.ip))", 23, 5],
  ["quantity(self.q).isLessThan(quantity('1Gi'))", 9, 5],
  ["quantity(self.q) == quantity('100Mi')", 9, 5],
  ["isQuantity(self.q) && quantity(self.q).add(quantity('1')).compareTo(quantity('1')) > 0", 19, 11],
  ["self.s.lowerAscii() == 'x'", 11, 5],
  ["self.s.upperAscii().trim() == 'x'", 19, 7],
  ["self.s.replace('l','L') == 'heLLo'", 19, 6],
  ["self.t.split(' ').size() > 1", 629150, 12],
  ["self.t.split(' ').all(x, x.size() < 20)", 19503505, 59],
  ["self.l.join(',') == 'aa,b,cc'", 24, 5],
  ["self.t.find('[a-z]+') == 'some'", 629149, 11],
  ["self.t.findAll('[a-z]+').size() == 8", 629150, 12],
  ["self.s.substring(1) == 'ello'", 11, 5],
  ["self.s.indexOf('l') == 2", 11, 4],
  ["self.l.isSorted()", 27, 2],
  ["self.li.sum() == 10", 1572866, 7],
  ["self.li.max() == 4", 1572866, 7],
  ["self.l.indexOf('b') == 1", 28, 3],
  ["sets.contains(self.l, ['aa'])", 18, 6],
  ["sets.intersects(self.lu, self.l)", 5242880, 11],
  ["sets.equivalent(self.l, self.l)", 55, 23],
  ["url('https://x.y/z').getHost() == 'x.y'", 4, 4],
  ["self.da__dash__sh == 'x'", 3, 3],
  ["self.__namespace__ == 'ns'", 3, 3],
  ["self.ll.all(r, r.all(c, c > 0))", 143, 28],
  ["self.ll.exists(r, r.size() == 1)", 31, 17],
  ["[1,2,3].all(x, x < self.b)", 32, 17],
  ["['a','b'].exists(x, x == self.s)", 25, 17],
  ["self.?o.?z.?w.hasValue()", 5, 5],
  ["optional.of(self.s).hasValue()", 4, 4],
  ["self == oldSelf", 2, 5],
  ["self.l == oldSelf.l", 5, 5],
  ["self.t == oldSelf.t", 314577, 8],
  ["self.o == oldSelf.o", 4, 5],
  ["self.l + self.lu == ['x']", 16, 6],
  ["self.l.size() + self.lu.size() < 10", 8, 8],
  ["'%s-%d'.format([self.s, self.a]) == 'x'", 16, 16],
  ["format.dns1123Label().validate(self.s).hasValue()", 260, 20],
  ["!format.named('uuid').hasValue()", 3, 3],
  ["self.l.all(x, x in self.lu)", 5242908, 13],
  ["self.lo.map(i, i.n).all(n, n.size() < 3)", 74, 44],
  ["self.lo.filter(i, i.v > 1).map(i, i.n) == ['b']", 125, 38],
  ["self.a == 1 && self.b == 2 || self.bo", 6, 6],
  ["-self.a == -1", 4, 4],
  ["!self.bo", 3, 3],
  ["self.l.exists(x, x.contains('a') && x.startsWith('a'))", 58, 14],
  ["self.bo == true", 2, 3],
];

const root = readStructure(schema, "schema");
const self = declare(root, false) as Declared;
const types = {
  root: self,
  variables: new Map([
    ["self", self],
    ["oldSelf", self],
  ]),
};

test("costs are those that upstream reckons", () => {
  const value = toCel(object, root);
  for (const [rule, estimated, spent] of reckoned) {
    const { cost } = estimateExpression(rule, types);
    if (estimated === 2e15) assert.ok(cost >= estimated, `${rule}: ${cost}`);
    else assert.equal(cost, estimated, `estimate of ${rule}`);
    const budget = { remaining: 0 };
    compileExpression(rule)({ self: value, oldSelf: value }, budget);
    assert.equal(-budget.remaining, spent, `cost of ${rule}`);
  }
});

test("what the types do not allow is told as upstream tells it", () => {
  const wrong: [string, number, string][] = [
    ["self.nosuch == 1", 5, "undefined field 'nosuch'"],
    ["self.a == 'x'", 8, "found no matching overload for '_==_' applied to '(int, string)'"],
    ["self.s == null", 8, "found no matching overload for '_==_' applied to '(string, null)'"],
    ["self.d + 1 > 2.0", 8, "found no matching overload for '_+_' applied to '(double, int)'"],
    ["self.l[0].x == 1", 10, "type 'string' does not support field selection"],
    ["self.lo.all(i, i.nope)", 17, "undefined field 'nope'"],
    ["has(self.nope)", 4, "undefined field 'nope'"],
    ["nosuch == 1", 1, "undeclared reference to 'nosuch' (in container '')"],
    ["self.a.foo()", 11, "undeclared reference to 'foo' (in container '')"],
  ];
  for (const [rule, column, detail] of wrong) {
    const message = `ERROR: <input>:1:${column}: ${detail}\n | ${rule}\n | ${".".repeat(column - 1)}^`;
    assert.throws(() => estimateExpression(rule, types), { message }, rule);
  }
});

const withRule = (rule: string, of: JSONSchemaProps): JSONSchemaProps => ({
  ...of,
  "x-kubernetes-validations": [{ rule }],
});

function refusals(properties: Record<string, JSONSchemaProps>): string[] {
  const errors = new FieldErrors();
  checkSchemaRules(readStructure({ type: "object", properties }, "schema"), "schema", errors);
  return errors.causes.map(({ field, message }) => `${field}: ${message}`);
}

const advice =
  "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";

test("a rule that may cost too much is refused, unless its data is bounded", () => {
  const twice = "self.all(x, self.exists_one(y, x == y))";
  assert.deepEqual(refusals({ l: withRule(twice, list(strings())) }), [
    `schema.properties[l].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${advice}`,
    "schema.properties[l].x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
    `schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${advice}`,
  ]);
  assert.deepEqual(refusals({ l: withRule(twice, list(strings(10), 50)) }), []);
  const nested = list(withRule("self.contains('abcdefghij')", strings(1000)), 30_000);
  assert.deepEqual(refusals({ l: nested }), [
    `schema.properties[l].items.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of 1.203000x ${advice}`,
  ]);
});

test("many rules together may cost too much", () => {
  const one = list(withRule("self.contains('abcdefghij')", strings(1000)), 24_000);
  const properties = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`p${i}`, one]));
  const found = refusals(properties);
  assert.equal(found.length, 5);
  assert.equal(
    found[4],
    `schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of 1.058640x ${advice}`,
  );
});

test("an evaluation stops at its limit, and what one object's rules may spend has a bound", () => {
  const numbers = Array.from({ length: 700 }, (_, i) => BigInt(i));
  assert.throws(
    () => compileExpression("self.all(a, self.all(b, a + b >= 0))")({ self: numbers, oldSelf: null }),
    CostExceeded,
  );
  const rule = { rule: "self.all(a, self.all(b, a + b >= 0))" };
  const many: JSONSchemaProps = {
    ...list(integer),
    "x-kubernetes-validations": Array.from({ length: 15 }, () => rule),
  };
  const errors = new FieldErrors();
  const value = { l: Array.from({ length: 350 }, (_, i) => i) };
  checkRules(value, undefined, readStructure({ type: "object", properties: { l: many } }, "schema"), errors);
  assert.deepEqual(
    errors.causes.map(({ field, message }) => `${field}: ${message}`),
    [
      'l: Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run',
    ],
  );
});
