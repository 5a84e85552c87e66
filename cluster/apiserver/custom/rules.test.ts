import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONSchemaProps } from "@capstan/api/generated/apiextensions-v1";
import { FieldErrors } from "../field-errors.ts";
import { checkRules, compileRule } from "./rules.ts";
import { readStructure } from "./structure.ts";

const schema: JSONSchemaProps = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      "x-kubernetes-validations": [
        { rule: "self.min <= self.max", message: "min is above max" },
        { rule: "self.max >= oldSelf.max", messageExpression: "'was ' + string(oldSelf.max)" },
        { rule: "!has(self.names) || self.names.all(n, n.startsWith('a'))" },
        { rule: "!has(self.memory) || quantity(self.memory).isLessThan(quantity('1Gi'))", fieldPath: ".memory" },
      ],
      properties: {
        min: { type: "integer" },
        max: { type: "integer" },
        names: { type: "array", items: { type: "string" } },
        memory: { type: "string" },
        "dashed-name": {
          type: "string",
          "x-kubernetes-validations": [{ rule: "self.matches('^x+$')", reason: "FieldValueForbidden" }],
        },
      },
    },
  },
};

function problems(object: object, old?: object): string[] {
  const errors = new FieldErrors();
  checkRules(object, old, readStructure(schema, "schema"), errors);
  return errors.causes.map(({ field, message }) => `${field}: ${message}`);
}

test("rules hold, or say why not", () => {
  assert.deepEqual(problems({ spec: { min: 1, max: 2, names: ["ab"], memory: "64Mi", "dashed-name": "xx" } }), []);
  assert.deepEqual(problems({ spec: { min: 3, max: 2, names: ["b"], memory: "2Gi", "dashed-name": "y" } }), [
    'spec: Invalid value: "object": min is above max',
    `spec: Invalid value: "object": failed rule: !has(self.names) || self.names.all(n, n.startsWith('a'))`,
    `spec.memory: Invalid value: "object": failed rule: !has(self.memory) || quantity(self.memory).isLessThan(quantity('1Gi'))`,
    "spec.dashed-name: Forbidden: failed rule: self.matches('^x+$')",
  ]);
});

test("a transition rule compares with what was there", () => {
  assert.deepEqual(problems({ spec: { min: 1, max: 2 } }, { spec: { min: 1, max: 3 } }), [
    'spec: Invalid value: "object": was 3',
  ]);
});

test("a rule that does not compile says where", () => {
  assert.throws(() => compileRule({ rule: "self.a +" }), /Syntax error: mismatched input/);
  assert.throws(() => compileRule({ rule: "nosuch(self)" }), /nosuch/);
});

test("rules that would take for ever are cut off", () => {
  const nested = { rule: "self.all(a, self.all(b, self.all(c, self.all(d, a + b + c + d >= 0))))" };
  const node = readStructure(
    {
      type: "object",
      properties: { l: { type: "array", items: { type: "integer" }, "x-kubernetes-validations": [nested] } },
    },
    "schema",
  );
  const errors = new FieldErrors();
  checkRules({ l: Array.from({ length: 200 }, (_, i) => i) }, undefined, node, errors);
  assert.equal(
    errors.causes[0]?.message,
    `Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${nested.rule}`,
  );
});

test("what was broken before and is the same only warns", () => {
  const before = { spec: { min: 3, max: 2 } };
  const errors = new FieldErrors();
  const warnings = checkRules({ ...before, other: 1 }, before, readStructure(schema, "schema"), errors);
  assert.deepEqual(errors.causes, []);
  assert.deepEqual(warnings, ['spec: Invalid value: "object": min is above max']);
});
