import assert from "node:assert/strict";
import { test } from "node:test";
import { parseChallenges } from "./challenge.ts";
import { endpointsOf } from "./options.ts";

test("challenges: quoted words, several schemes, and nonsense", () => {
  const bearer = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"';
  assert.deepEqual(parseChallenges(bearer), [
    {
      scheme: "bearer",
      parameters: {
        realm: "https://auth.docker.io/token",
        service: "registry.docker.io",
        scope: "repository:a/b:pull",
      },
    },
  ]);
  assert.deepEqual(parseChallenges('Basic realm="a \\"b\\", c", Bearer Realm=x , error=y'), [
    { scheme: "basic", parameters: { realm: 'a "b", c' } },
    { scheme: "bearer", parameters: { realm: "x", error: "y" } },
  ]);
  assert.deepEqual(parseChallenges(""), []);
  assert.deepEqual(parseChallenges(' , ="'), []);
});

test("mirrors come first; plain HTTP is for those that are said to be, and this machine", () => {
  const origins = (registry: string, options = {}) =>
    endpointsOf(registry, options).map(({ origin, prefix }) => `${origin}/${prefix}`);
  assert.deepEqual(origins("docker.io"), ["https://registry-1.docker.io/"]);
  assert.deepEqual(origins("docker.io", { mirrors: { "docker.io": ["http://m:5000/hub/"], "*": ["http://x"] } }), [
    "http://m:5000/hub/",
    "https://registry-1.docker.io/",
  ]);
  assert.deepEqual(origins("quay.io", { mirrors: { "*": ["http://x"] } }), ["http://x/", "https://quay.io/"]);
  assert.deepEqual(origins("r:5000", { insecure: ["r"] }), ["https://r:5000/", "http://r:5000/"]);
  assert.deepEqual(origins("r:5000", { insecure: ["r:5001"] }), ["https://r:5000/"]);
  for (const host of ["localhost:5000", "127.0.0.2:5000", "[::1]:5000"]) assert.equal(origins(host).length, 2, host);
  assert.equal(origins("127.0.0.1.example").length, 1);
});
