import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readRegistries } from "./registries.ts";
import { UsageError } from "./usage.ts";

test("mirrors keep their order, each registry its own", () => {
  const mirrors = ["docker.io=http://a:5000", "docker.io=https://b/hub", "*=http://127.0.0.1:5000"];
  assert.deepEqual(readRegistries(mirrors, ["registry.lan:5000"]), {
    mirrors: { "docker.io": ["http://a:5000", "https://b/hub"], "*": ["http://127.0.0.1:5000"] },
    insecure: ["registry.lan:5000"],
  });
});

test("credentials are checked when the platform starts", () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-config-"));
  const file = join(directory, "config.json");
  try {
    writeFileSync(file, '{"auths":{"r.io":{"auth":"dTpw"}}}');
    assert.equal(readRegistries([], [], file).configFile, file);
    writeFileSync(file, '{"auths":7}');
    assert.throws(() => readRegistries([], [], file), /--registry-config .*config\.json: auths is not an object/);
    assert.throws(() => readRegistries([], [], join(directory, "none")), /--registry-config ENOENT/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

for (const [mirrors, insecure, message] of [
  [["http://a"], [], /takes REGISTRY=URL, such as docker\.io=/],
  [["docker.io=a:5000"], [], /must be an http or https URL/],
  [["docker.io=http://u:p@a"], [], /with perhaps a path/],
  [[], ["http://a"], /takes HOST or HOST:PORT/],
  [[], ["*"], /takes HOST or HOST:PORT/],
] as const) {
  test(`refuses ${[...mirrors, ...insecure]}`, () =>
    assert.throws(
      () => readRegistries([...mirrors], [...insecure]),
      (error) => error instanceof UsageError && message.test(error.message),
    ));
}
