import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { capstan, startInstance } from "./instance.ts";

const temporary = () => mkdtempSync(join(tmpdir(), "capstan-cli-"));

test("help names every command, and each command teaches its own", async () => {
  const overview = await capstan(["--help"]);
  assert.equal(overview.code, 0);
  for (const name of ["up", "status", "down", "workflow", "kubeconfig", "backup", "restore"]) {
    assert.match(overview.stdout, new RegExp(`^  ${name} `, "m"));
    const { code, stdout } = await capstan([name, "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: capstan ${name}`));
  }
});

test("wrong words are refused with exit code 2 and a way on", async () => {
  const typo = await capstan(["stauts"]);
  assert.equal(typo.code, 2);
  assert.match(typo.stderr, /no command "stauts"; did you mean "status"\?/);
  const port = await capstan(["up", "--api-port", "70000"]);
  assert.equal(port.code, 2);
  assert.match(port.stderr, /--api-port takes a whole number from 0 to 65535, not "70000"/);
  const flag = await capstan(["up", "--datadir", "x"]);
  assert.equal(flag.code, 2);
  assert.match(flag.stderr, /--datadir/);
});

test("a runtime that is none, and a socket that is not there, are named", async () => {
  const none = await capstan(["up", "--runtime", "docker"]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /--runtime docker: there are auto, runc, unshare, cri:unix:/);
  const socket = join(temporary(), "none.sock");
  const ports = ["--api-port", "0", "--console-port", "0", "--gateway-port", "0"];
  const absent = await capstan(["up", "--data-dir", temporary(), ...ports, "--runtime", `cri:unix://${socket}`]);
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /there is no socket .*none\.sock: start the container runtime/);
});

test("status and down of nothing say so", async () => {
  const root = temporary();
  const status = await capstan(["status", "--data-dir", root]);
  assert.equal(status.code, 1);
  assert.match(status.stdout, /Nothing runs on .*capstan up --data-dir/);
  const waited = await capstan(["status", "--data-dir", root, "--wait", "1", "--json"]);
  assert.equal(waited.code, 1);
  assert.equal(JSON.parse(waited.stdout).ready, false);
  const down = await capstan(["down", "--data-dir", root]);
  assert.match(down.stdout, /Nothing runs on/);
});

test("up refuses somebody else's directory and leaves it alone", async () => {
  const root = temporary();
  writeFileSync(join(root, "thesis.tex"), "mine");
  const { code, stderr } = await capstan(["up", "--data-dir", root]);
  assert.equal(code, 1);
  assert.match(stderr, /is not a data directory of Capstan: it holds thesis\.tex/);
  assert.equal(readFileSync(join(root, "thesis.tex"), "utf8"), "mine");
});

test("a busy port is named with what to do", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const others = ["--console-port", "0", "--gateway-port", "0"];
  const { code, stderr } = await capstan(["up", "--data-dir", temporary(), "--api-port", String(port), ...others]);
  server.close();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`port ${port}.*--api-port`, "s"));
});

test("up, status, a second up, kubeconfig, down", async () => {
  await using instance = startInstance();
  const { pid, addresses } = await instance.ready();
  assert.equal(pid, instance.process.pid);
  const status = await capstan(["status", "--data-dir", instance.directory, "--json"]);
  assert.equal(status.code, 0);
  assert.equal(JSON.parse(status.stdout).ready, true);
  const second = await capstan(["up", "--data-dir", instance.directory]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`in use by process ${pid}`));
  const config = await capstan(["kubeconfig", "--data-dir", instance.directory]);
  assert.ok(config.stdout.includes(`server: "${addresses.api}"`), config.stdout);
  const down = await capstan(["down", "--data-dir", instance.directory]);
  assert.match(down.stdout, /^Stopped\./);
  assert.equal((await capstan(["status", "--data-dir", instance.directory])).code, 1);
});
