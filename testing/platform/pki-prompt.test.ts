// Passphrases asked for at a real terminal: script(1) gives one.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isEncrypted, readKey } from "@capstan/core/pki/x509";
import { programsMissing } from "@capstan/testing/programs";

const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;
const skip = programsMissing("script");
const passphrase = "open sesame";
let directory: string;

const pki = `"${process.execPath}" "${bin}" pki`;
const read = (name: string) => readFileSync(join(directory, name), "utf8");

before(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-prompt-"));
  writeFileSync(join(directory, "pass"), passphrase, { mode: 0o400 });
  writeFileSync(join(directory, "ca.json"), JSON.stringify({ CN: "ca", hosts: ["ca.local"] }));
  const line = `${pki} gencert -initca ca.json | ${pki} json -bare -encrypt -passphrase-file pass ca`;
  const made = spawnSync("sh", ["-c", line], { cwd: directory, encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
});
after(() => rmSync(directory, { recursive: true }));

/** Answers every question in turn. @returns what the terminal showed, and the exit code */
async function atTerminal(line: string, answers: string[]): Promise<{ shown: string; code: number }> {
  const child = spawn("script", ["-qefc", line, "/dev/null"], { cwd: directory });
  let shown = "";
  let asked = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    const questions = shown.match(/(Passphrase of|New passphrase|The same again).*?: /g)?.length ?? 0;
    while (asked < questions) child.stdin.write(answers[asked++] ?? "");
  });
  const [code] = (await once(child, "close")) as [number];
  return { shown, code };
}

const use = `${pki} gencert -ca ca.pem -ca-key ca-key.pem ca.json > leaf.json`;

test("the third try may be the right one, and nothing typed is shown", { skip }, async () => {
  const { shown, code } = await atTerminal(use, ["open barley\r", "open wheat\r", `${passphrase}x\u007f\r`]);
  assert.equal(code, 0, shown);
  assert.match(shown, /Passphrase of ca-key.pem: \r\nThat does not open it.\r\nPassphrase/);
  for (const typed of ["barley", "wheat", "sesame"]) assert.ok(!shown.includes(typed), shown);
  assert.match(JSON.parse(read("leaf.json")).cert, /BEGIN CERTIFICATE/);
});

test("after three wrong tries, or Ctrl-C, there is no certificate", { skip }, async () => {
  const wrong = await atTerminal(use, ["a\r", "b\r", "c\r"]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.shown, /ca-key.pem: 3 wrong passphrases/);
  const left = await atTerminal(use, ["open\u0003"]);
  assert.equal(left.code, 1);
  assert.match(left.shown, /no passphrase given/);
  assert.equal(read("leaf.json"), "");
});

test("the terminal is asked where the standard input is a pipe, twice for a new passphrase", { skip }, async () => {
  const make = (name: string) => `${pki} gencert -initca ca.json | ${pki} json -bare -encrypt ${name}`;
  const { shown, code } = await atTerminal(make("safe"), ["new words\r", "new words\r"]);
  assert.equal(code, 0, shown);
  assert.ok(!shown.includes("words"), shown);
  assert.ok(isEncrypted(read("safe-key.pem")));
  assert.equal(readKey(read("safe-key.pem"), "new words").asymmetricKeyType, "ec");
  const differing = await atTerminal(make("unsafe"), ["new words\r", "other words\r"]);
  assert.match(differing.shown, /the two passphrases differ/);
  assert.ok(!existsSync(join(directory, "unsafe-key.pem")));
});
