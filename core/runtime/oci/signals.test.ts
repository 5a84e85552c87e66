import assert from "node:assert/strict";
import { test } from "node:test";
import { signalNumber } from "./signals.ts";

test("signals by name and number", () => {
  const cases = { SIGTERM: 15, quit: 3, "9": 9, "SIGRTMIN+3": 37, RTMAX: 64, "SIGRTMAX-1": 63 };
  for (const [text, number] of Object.entries(cases)) assert.equal(signalNumber(text), number, text);
  for (const text of ["", "0", "65", "SIGNOPE", "RTMAX+1", "SIGRTMIN+-1"])
    assert.throws(() => signalNumber(text), /is not a signal/, text);
});
