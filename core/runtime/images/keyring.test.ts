import assert from "node:assert/strict";
import { test } from "node:test";
import { credentialsFor, parseDockerConfig } from "./keyring.ts";

const names = (image: string, auths: Record<string, object>) =>
  credentialsFor(image, [parseDockerConfig(".dockerconfigjson", JSON.stringify({ auths }))]).map(
    ({ username }) => username,
  );

test("keys name hosts, ports, paths, patterns, and Docker Hub in its old ways", () => {
  const auths = {
    "https://index.docker.io/v1/": { username: "hub" },
    "registry.example": { username: "host" },
    "registry.example/team": { username: "team" },
    "http://registry.example:5000/v2/": { username: "port" },
    "*.corp.example": { username: "any" },
  };
  assert.deepEqual(names("busybox", auths), ["hub"]);
  assert.deepEqual(names("me/app:1", auths), ["hub"]);
  assert.deepEqual(names("registry.example/other/app", auths), ["host"]);
  assert.deepEqual(names("registry.example/team/app", auths), ["team", "host"]);
  assert.deepEqual(names("registry.example:5000/app", auths), ["port"]);
  assert.deepEqual(names("a.corp.example/app", auths), ["any"]);
  for (const other of [
    "corp.example/app",
    "a.b.corp.example/app",
    "registry.example:5001/app",
    "evil-registry.example/x",
  ])
    assert.deepEqual(names(other, auths), [], other);
});

test("the old form of secrets, and broken ones, whose content no message tells", () => {
  const [auth] = credentialsFor("r.io/a", [parseDockerConfig(".dockercfg", '{"r.io":{"auth":"dTpw","email":"e"}}')]);
  assert.equal(auth?.auth, "dTpw");
  for (const text of [
    '{"auths":[]}',
    '{"auths":{"r":{"username":1}}}',
    "hunter2",
    '"hunter2"',
    '{"auths":{"r":"hunter2"}}',
  ])
    assert.throws(
      () => parseDockerConfig(".dockerconfigjson", text),
      (error: Error) => /^\.dockerconfigjson: /.test(error.message) && !error.message.includes("hunter2"),
    );
});
