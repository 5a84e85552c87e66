import assert from "node:assert/strict";
import { test } from "node:test";
import { RuntimeError } from "../cri.ts";
import { formatReference, parseReference } from "./reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

for (const [name, full] of [
  ["busybox", "docker.io/library/busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36"],
  ["team/app", "docker.io/team/app:latest"],
  ["docker.io/busybox", "docker.io/library/busybox:latest"],
  ["index.docker.io/library/busybox:1", "docker.io/library/busybox:1"],
  ["localhost/app", "localhost/app:latest"],
  ["localhost:5000/a/b:c", "localhost:5000/a/b:c"],
  ["[::1]:5000/a", "[::1]:5000/a:latest"],
  ["Registry/app", "Registry/app:latest"],
  ["gcr.io/a/b__c.d--e:v1.2_3", "gcr.io/a/b__c.d--e:v1.2_3"],
  [`busybox@${digest}`, `docker.io/library/busybox@${digest}`],
  [`busybox:1@${digest}`, `docker.io/library/busybox:1@${digest}`],
] as const) {
  test(`${name} is ${full}`, () => {
    assert.equal(formatReference(parseReference(name)), full);
    assert.deepEqual(parseReference(full), parseReference(name));
  });
}

for (const name of [
  "",
  ":",
  "A B",
  "a:",
  "a:b:c",
  "../a",
  "a//b",
  "/a",
  "a/",
  "-a",
  "a..b",
  "team/App",
  "App",
  "a@sha256:1",
  `a@${digest}@${digest}`,
  `a@sha512:${"a".repeat(128)}`,
  `a:${"t".repeat(129)}`,
  `r.io/${"a".repeat(256)}`,
  "r.io:port/a",
  "a\nb",
]) {
  test(`"${name.slice(0, 20)}" is no image name`, () => {
    assert.throws(
      () => parseReference(name),
      (error) => error instanceof RuntimeError && error.code === "InvalidImageName",
    );
  });
}
