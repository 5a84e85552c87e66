import assert from "node:assert/strict";
import { test } from "node:test";
import { readKubeconfig } from "./index.ts";

const config = {
  "current-context": "home",
  contexts: [{ name: "home", context: { cluster: "c", user: "u", namespace: "work" } }],
  clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:6443", "certificate-authority-data": btoa("PEM") } }],
  users: [{ name: "u", user: { "client-certificate": "u.crt", "client-key-data": btoa("KEY") } }],
};

test("a kubeconfig says how to reach its current context", () => {
  assert.deepEqual(readKubeconfig(config), {
    server: "https://127.0.0.1:6443",
    insecureSkipTlsVerify: false,
    ca: { text: "PEM" },
    certificate: { file: "u.crt" },
    key: { text: "KEY" },
    namespace: "work",
  });
});

test("what is missing or not supported is named by its path", () => {
  assert.throws(() => readKubeconfig(config, "away"), /contexts has no "away" \(it has: home\)/);
  const exec = { ...config, users: [{ name: "u", user: { exec: { command: "aws" } } }] };
  assert.throws(() => readKubeconfig(exec), /users\[u\]\.user\.exec is not supported/);
  assert.throws(() => readKubeconfig({ ...config, clusters: [{ name: "c", cluster: {} }] }), /clusters\[c\].*server/);
  assert.throws(() => readKubeconfig([]), /not a mapping/);
  assert.throws(() => readKubeconfig({ ...config, "current-context": "" }), /current-context/);
});
