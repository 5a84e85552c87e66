import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ExpressionError,
  evaluateDepends,
  evaluateExpression,
  evaluateWhen,
  kubectlJsonPath,
  parseDepends,
  parseDuration,
  plainNumber,
  queryJq,
  queryJsonPath,
  textOf,
} from "./index.ts";

const environment = {
  workflow: {
    name: "wf",
    parameters: { config: '{"employees":[{"name":"Baris","age":43},{"name":"Mo","age":42}]}', n: "3" },
  },
  steps: { "flip-coin": { outputs: { result: "heads" } }, heads: { outputs: { parameters: { x: "1" } } } },
  tasks: { producer: { outputs: { parameters: {} } } },
  item: { a: 1, list: [1, 2, 3] },
};

const golden: [string, unknown][] = [
  ["1 + 2 * 3", 7],
  ["2 ** 3 ** 2", 512],
  ["-2 ** 2", -4],
  ["7 / 2", 3.5],
  ["7 % 4", 3],
  ["1..4", [1, 2, 3, 4]],
  ["'a' + \"b\"", "ab"],
  ["`raw\\n`", "raw\\n"],
  ["true && not false", true],
  ["1 in [1, 2]", true],
  ["3 not in [1, 2]", true],
  ["'a' in {a: 1}", true],
  ["'abc' startsWith 'ab' and 'abc' endsWith 'bc' and 'abc' contains 'b'", true],
  ["'v1.2' matches '^v\\\\d'", true],
  ["steps['flip-coin'].outputs.result == 'heads' ? 'yes' : 'no'", "yes"],
  ["tasks.producer.outputs.parameters.msg ?? 'fallback'", "fallback"],
  ["tasks.producer.gone.deeper ?? 'fallback'", "fallback"],
  ["tasks.producer?.gone?.deeper", null],
  ["'' ?? 'fallback'", ""],
  ["asInt(workflow.parameters.n) + 1", 4],
  ["filter(1..6, # % 2 == 0)", [2, 4, 6]],
  ["map([1, 2], {# * 10})", [10, 20]],
  ["map([{a: 1}, {a: 2}], .a)", [1, 2]],
  ["filter([{'age': 40}, {'age': 20}], {.age > 30})[0].age", 40],
  ["reduce(1..4, #acc + #, 0)", 10],
  ["[3, 1, 2] | sort() | first()", 1],
  ["sum([1, 2, 3]) / len([1, 2, 3])", 2],
  ["all([1, 2], # > 0) && none([1, 2], # > 5) && one([1, 2], # == 1)", true],
  ["item.list[-1] + item.list[0]", 4],
  ["item.list[1:]", [2, 3]],
  ["'hello'[1:3]", "el"],
  ["let x = 2; x * x", 4],
  ["toJson({'a': [1, nil]})", '{"a":[1,null]}'],
  ["jsonpath(workflow.parameters.config, '$.employees[?(@.name==\"Baris\")].age')", [43]],
  ["jsonpath(workflow.parameters.config, '$.employees[?(@.age>42 && @.age<44)].age')", [43]],
  ["jsonpath(workflow.parameters.config, '$.employees[0].name')", "Baris"],
  ["jsonpath(workflow.parameters.config, '$.employees[0:1]')", [{ name: "Baris", age: 43 }]],
  [
    "map([[34, 27, 15, 57, 46]], {toJson({avg: sprig.add(#[0], #[1], #[2], #[3], #[4]) / 5, max: sprig.max(#[0], #[3])})})[0]",
    '{"avg":35.8,"max":57}',
  ],
  ["sprig.b64dec(sprig.b64enc('x y'))", "x y"],
  ["sprig.date('2006-01-02', date('2023-08-14T01:02:03Z'))", "2023-08-14"],
  ["(date('2023-08-14T00:01:00Z') - date('2023-08-14')).Seconds()", 60],
  ["date('2023-08-14').Year()", 2023],
  ["sprig.trim('  a ') + upper('b')", "aB"],
  ["split('a,b', ',')", ["a", "b"]],
  ["string(1) == '1'", true],
  ["nil == nil", true],
  ["{a: 1}.a", 1],
];
for (const [source, expected] of golden) {
  test(`expr: ${source}`, () => assert.deepEqual(evaluateExpression(source, environment), expected));
}

for (const source of [
  "1 +",
  "unknown",
  "1 + 'a'",
  "1 == '1'",
  "constructor",
  "item.constructor('x')",
  "''.constructor",
  "workflow.__proto__.x",
  "'abc'.length",
  "process",
  "1..100000000",
  "repeat('aaaaaaaaaa', 100000000)",
  "(".repeat(5000),
  "tasks.nothing.x",
  "asInt('x')",
  "all(1..1000, all(1..1000, all(1..1000, true)))",
  "'a' matches '(a'",
]) {
  test(`expr refuses ${source.slice(0, 60)}`, () => {
    assert.throws(() => evaluateExpression(source, environment), ExpressionError);
  });
}

test("a pattern that would backtrack without end is matched at once", () => {
  const text = `${"a".repeat(5000)}!`;
  for (const pattern of ["^(a|a)*$", "^(a+)+$", "^(a*)*b", "(x+x+)+y"]) {
    assert.equal(evaluateExpression("text matches pattern", { text, pattern }), false, pattern);
  }
});

const whens: [string, boolean][] = [
  ["heads == heads", true],
  ["heads == tails", false],
  ["heads =~ hea", true],
  ["heads !~ hea", false],
  ["5 > 4 && 1 == 1", true],
  ["'a-b' == 'a-b'", true],
  ["[a-b] == 'a-b'", true],
  ["( heads == heads && tails == tails ) || ( a == b )", true],
  ["true", true],
  ["false", false],
  ["!(a == b)", true],
  ["'' == ''", true],
  ["x in (a, x)", true],
  ['"5" == 5', false],
  ["3 * 2 >= 6 ? true : false", true],
];
for (const [source, expected] of whens) test(`when: ${source}`, () => assert.equal(evaluateWhen(source), expected));
for (const source of ["a-b == a-b", "heads", "a ==", "1 && true", "(a == b", "a > 1"]) {
  test(`when refuses ${source}`, () => assert.throws(() => evaluateWhen(source), ExpressionError));
}

test("depends reads names with dashes and every result", () => {
  const phases: Record<string, string> = { "a-1": "Succeeded", B: "Failed", c: "Skipped" };
  const holds = (task: string, result: string) => phases[task] === result;
  const golden: [string, boolean][] = [
    ["a-1", true],
    ["a-1 && B", false],
    ["a-1 && (B.Succeeded || B.Failed)", true],
    ["a-1 || B", true],
    ["!B", true],
    ["c && a-1.Succeeded", true],
    ["B.Failed && !(a-1.Failed)", true],
  ];
  for (const [source, expected] of golden) assert.equal(evaluateDepends(parseDepends(source), holds), expected, source);
  for (const bad of ["a-1 &&", "a.Wrong", "(a", "a b", "&& a"]) assert.throws(() => parseDepends(bad), ExpressionError);
});

test("kubectl's JSONPath joins text and values", () => {
  const document = { metadata: { name: "x" }, items: [{ a: 1 }, { a: 2 }], "k.v": "y" };
  assert.equal(kubectlJsonPath("{.metadata.name}-{.items[*].a}", document), "x-1 2");
  assert.equal(kubectlJsonPath(".metadata.name", document), "x");
  assert.equal(kubectlJsonPath("{.items[?(@.a==2)].a}", document), "2");
  assert.equal(kubectlJsonPath("{['k\\.v']}", document), "y");
  assert.equal(kubectlJsonPath("{.gone}", document), "");
  assert.deepEqual(queryJsonPath("$..a", document), [1, 2]);
});

test("jq's filters run where they can be stopped", async () => {
  const document = { a: { "b c": [1, { d: "x" }] } };
  assert.equal(await queryJq(".", { a: 1 }), '{"a":1}');
  assert.equal(await queryJq('.a["b c"][1].d', document), "x");
  assert.equal(await queryJq(".a.gone", document), "null");
  assert.equal(await queryJq('.a | keys[], (.["b c"] | length)', document), "b c\n2");
  await assert.rejects(queryJq(".a[", document), /jq: .*syntax error/);
  await assert.rejects(queryJq('"x" * 1e9 | length', document), /jq: more memory than 256 MiB/);
});

test("durations and numbers are read and written as Go's", () => {
  assert.equal(parseDuration("1h2m3s"), 3_723_000);
  assert.equal(parseDuration("10"), 10_000);
  assert.equal(parseDuration("1d"), 86_400_000);
  assert.throws(() => parseDuration("soon"), RangeError);
  assert.equal(plainNumber(1e21), "1000000000000000000000");
  assert.equal(plainNumber(0.0000001), "0.0000001");
  assert.equal(textOf([1, "a"]), '[1,"a"]');
});

test("what blows up is refused with the name of its limit", () => {
  const long = "x".repeat(900_000);
  const limits: [string, RegExp][] = [
    ["all(1..1000, all(1..1000, all(1..1000, true)))", /1000000 elements/],
    ["sprig.uniq(1..90000)", /1000000 characters or elements/],
    ["long matches '((a{0,100}){0,10}){0,1}b'", /8000000 steps/],
    [`${"[".repeat(3000)}${"]".repeat(3000)}`, /nested deeper than 1000/],
    ["reduce(1..60, #acc + #acc, 'xxxx')", /10000000 characters/],
    ["join(map(1..9000, long), '')", /10000000 characters/],
    ["sprig.replace('x', long, long)", /10000000 characters/],
    ["repeat(long, 900000)", /1000000 elements or characters/],
  ];
  for (const [source, limit] of limits) {
    assert.throws(
      () => evaluateExpression(source, { long: source.includes("matches") ? "a".repeat(50_000) : long }),
      limit,
    );
  }
  const depends = parseDepends(Array.from({ length: 3000 }, (_, i) => `t${i}`).join(" && "));
  assert.equal(
    evaluateDepends(depends, () => true),
    true,
  );
  let deep: object = {};
  for (let i = 0; i < 20_000; i++) deep = { a: deep };
  assert.throws(() => kubectlJsonPath("{..a}", deep), /nested too deep/);
});
