import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createOneTimeLogin, loginUrl, takeOneTimeLogin } from "./one-time-login.ts";
import { loadConsoleSecret } from "./secret.ts";

let dataDir: string;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "login-"));
});
after(() => rm(dataDir, { recursive: true, force: true }));

test("a login works once, even when two take it at the same time", async () => {
  const { token } = await createOneTimeLogin(dataDir);
  const taken = await Promise.all([1, 2, 3].map(() => takeOneTimeLogin(dataDir, token)));
  assert.deepEqual(taken.filter(Boolean), [true]);
  assert.equal(await takeOneTimeLogin(dataDir, token), false);
});

test("an expired login is none, and is cleaned away by the next", async () => {
  const { token } = await createOneTimeLogin(dataDir, -1);
  assert.equal(await takeOneTimeLogin(dataDir, token), false);
  await createOneTimeLogin(dataDir, -1);
  const { token: fresh } = await createOneTimeLogin(dataDir);
  assert.equal((await readdir(join(dataDir, "console-logins"))).length, 1);
  assert.equal(await takeOneTimeLogin(dataDir, fresh), true);
});

test("a token that was never made, or that is a path, is no login", async () => {
  for (const token of ["", "x", "../console-secret", "a/b"])
    assert.equal(await takeOneTimeLogin(dataDir, token), false);
});

test("the directory holds no token, and only its owner reads it", async () => {
  const login = await createOneTimeLogin(dataDir);
  const directory = join(dataDir, "console-logins");
  for (const name of await readdir(directory)) {
    assert.ok(!name.includes(login.token) && !(await readFile(join(directory, name), "utf8")).includes(login.token));
    assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
  }
  assert.equal(loginUrl(7070, login), `http://127.0.0.1:7070/login#token=${login.token}`);
});

test("the secret is the same for two that ask at once, and on every later start", async () => {
  const [one, other] = await Promise.all([loadConsoleSecret(dataDir), loadConsoleSecret(dataDir)]);
  assert.deepEqual(one, other);
  assert.equal(one.byteLength, 32);
  assert.deepEqual(await loadConsoleSecret(dataDir), one);
  assert.equal((await stat(join(dataDir, "console-secret"))).mode & 0o777, 0o600);
});
