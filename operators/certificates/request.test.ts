import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceProblem } from "./request.ts";

for (const name of ["kubernetes.default.svc", "10.96.0.1", "::1", "a,DNS:b", "UPPER", "-a", "", "a".repeat(64)]) {
  test(`"${name.slice(0, 30)}" is no Service`, () =>
    assert.match(serviceProblem(name) ?? "", /is no name of a Service/));
}

test("names of the API server and of the machine are not given to others", () => {
  for (const name of ["kubernetes", "localhost"]) assert.match(serviceProblem(name) ?? "", /API server/);
  assert.equal(serviceProblem("lazykube-webhook-svc"), undefined);
});
