import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeStatus } from "@capstan/api/kinds/workflow";
import { report } from "../../../../../../testing/console/scene-workflows.ts";
import { formatHeadline, reportOf } from "./read-report.ts";

const node = (value: string): NodeStatus => {
  return { id: "n", name: "n", type: "Pod", outputs: { parameters: [{ name: "report", value }] } };
};

test("a report has its headline, classes, matrix and curves", () => {
  const read = reportOf(node(JSON.stringify(report)));
  assert.deepEqual(read?.headline.slice(0, 2), [
    ["accuracy", 0.9855],
    ["macroF1", 0.9821],
  ]);
  assert.deepEqual(read?.confusion?.labels, ["Adelie", "Chinstrap", "Gentoo"]);
  assert.deepEqual(read?.confusion?.counts[1], [1, 13, 0]);
  assert.equal(read?.roc[0]?.points.length, 5);
  assert.equal(read?.rows, 69);
});

test("what is no report is none", () => {
  for (const text of ["", "plain", "[1]", "null", "{}", '{"accuracy":"high"}'])
    assert.equal(reportOf(node(text)), undefined, text);
  assert.equal(reportOf({ id: "n", name: "n", type: "Pod" }), undefined);
});

test("a headline has few digits, and nearly all is not all", () => {
  assert.equal(formatHeadline("auc", 0.99982), "> 0.999");
  assert.equal(formatHeadline("auc", 1), "1.000");
  assert.equal(formatHeadline("accuracy", 0.98837), "98.8%");
  assert.equal(formatHeadline("accuracy", 0.9999), "> 99.9%");
  assert.equal(formatHeadline("rmse", 1234.6), "1235");
});
