import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { completeLock } from "../lock-platforms.ts";
import { root } from "./source.ts";

test("the lock file knows every platform's packages", () => {
  const { packages } = JSON.parse(readFileSync(`${root}package-lock.json`, "utf8"));
  const reason = "npm ci refuses a lock file without them: node tools/lock-platforms.ts adds them";
  assert.deepEqual(completeLock(packages), [], reason);
});
