// nginx serves with certificates of capstan pki, and curl trusts and shows them; what is revoked is refused by both.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { test } from "node:test";
import { programsMissing } from "@capstan/testing/programs";
import { freePort } from "../kube-apiserver/start.ts";
import { openDesk } from "./programs.ts";

const desk = openDesk("web");
const pki = (line: string, input?: string) => desk.capstan(`pki ${line}`, input);
const make = (name: string, line: string) => pki(`json -bare ${name}`, pki(`gencert ${line}`));
const skip = programsMissing("nginx", "curl", "openssl");

function prepare(algo: string, size: number): void {
  const is_ca = { is_ca: true, max_path_len_zero: true };
  const profiles = {
    middle: { expiry: "8760h", usages: ["cert sign", "crl sign", "digital signature"], ca_constraint: is_ca },
    www: { expiry: "800h", usages: ["signing", "key encipherment", "server auth"], ocsp_url: "http://127.0.0.1:1/" },
    client: { expiry: "800h", usages: ["signing", "client auth"] },
  };
  const key = { algo, size };
  desk.write("config.json", { signing: { default: { expiry: "1h" }, profiles } });
  desk.write("ca.json", { CN: "web root", key });
  desk.write("server.json", { CN: "server", hosts: ["web.local"], key });
  desk.write("client.json", { CN: "client", key });
  const by = (ca: string, profile: string) =>
    `-ca ${ca}.pem -ca-key ${ca}-key.pem -config config.json -profile ${profile}`;
  make("ca", "-initca ca.json");
  make("middle", `${by("ca", "middle")} -cn middle ca.json`);
  make("server", `${by("middle", "www")} server.json`);
  make("jane", `${by("middle", "client")} client.json`);
  make("joe", `${by("middle", "client")} -cn joe client.json`);
  const bundle = JSON.parse(pki("bundle -cert server.pem -ca-bundle ca.pem -int-bundle middle.pem"));
  desk.write("chain.pem", `${bundle.bundle}\n`);
  desk.write("authorities.pem", desk.read("ca.pem") + desk.read("middle.pem"));
  desk.write("pass", "open sesame\n");
  desk.done("chmod", "400 pass");
  pki("json -bare -encrypt -passphrase-file pass locked", JSON.stringify({ key: desk.read("server-key.pem") }));
  writeLists(by);
  const responder = "-ca middle.pem -responder middle.pem -responder-key middle-key.pem";
  for (const status of ["good", "revoked"]) {
    const { ocspResponse } = JSON.parse(pki(`ocspsign ${responder} -cert server.pem -status ${status}`));
    desk.write(`${status}.der`, Buffer.from(ocspResponse, "base64"));
  }
}

/** Joe is revoked: a list of each authority, for nginx looks at the whole chain. */
function writeLists(by: (ca: string, profile: string) => string): void {
  desk.done("rm", "-f revoked.jsonl none.jsonl");
  pki("revoke -db revoked.jsonl -cert joe.pem -reason keycompromise");
  desk.write("none.jsonl", "");
  const [of] = [(ca: string) => by(ca, "").split(" -config")[0]];
  const lists = [`crl -db revoked.jsonl ${of("middle")}`, `crl -db none.jsonl ${of("ca")}`];
  const pems = lists.map((line, index) => {
    desk.write(`${index}.der`, Buffer.from(pki(line), "base64"));
    return desk.done("openssl", `crl -inform DER -in ${index}.der`);
  });
  desk.write("lists.pem", pems.join(""));
}

async function serve(port: number): Promise<ChildProcess> {
  const server = (address: string, lines: string[]) =>
    `server { listen ${address} ssl; server_name web.local; ssl_certificate ${desk.path("chain.pem")}; ${lines.join("; ")}; }`;
  const plainKey = `ssl_certificate_key ${desk.path("server-key.pem")}`;
  const lockedKey = `ssl_certificate_key ${desk.path("locked-key.pem")}; ssl_password_file ${desk.path("pass")}`;
  const clients = [
    "ssl_client_certificate authorities.pem",
    "ssl_crl lists.pem",
    "ssl_verify_client on",
    "ssl_verify_depth 3",
  ].map((line) => line.replace(/(\S+\.pem)/, (file) => desk.path(file)));
  const stapled = (status: string) => ["ssl_stapling on", `ssl_stapling_file ${desk.path(`${status}.der`)}`];
  const say = 'return 200 "$ssl_client_s_dn\\n"';
  desk.write(
    "nginx.conf",
    `daemon off; worker_processes 1; pid ${desk.path("nginx.pid")}; error_log stderr warn;
events {}
http {
  access_log off;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${desk.path(kind)};`).join(" ")}
  ${server(`127.0.0.1:${port}`, [lockedKey, ...clients, say])}
  ${server(`127.0.0.2:${port}`, [plainKey, ...stapled("good"), say])}
  ${server(`127.0.0.3:${port}`, [plainKey, ...stapled("revoked"), say])}
}
`,
  );
  const started = untilMade("nginx.pid");
  const nginx = spawn("nginx", ["-c", desk.path("nginx.conf")], { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(nginx, "exit").then(() => assert.fail("nginx has ended: its configuration is wrong"));
  await Promise.race([started, ended]);
  return nginx;
}

function untilMade(name: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(desk.directory, (_, changed) => {
      if (changed !== name) return;
      watcher.close();
      resolve();
    });
  });
}

for (const [algo, size] of [
  ["ecdsa", 256],
  ["rsa", 2048],
] as const) {
  test(`nginx and curl with ${algo} certificates, a locked key, and one that is revoked`, { skip }, async () => {
    prepare(algo, size);
    const port = await freePort();
    const nginx = await serve(port);
    try {
      const curl = (address: string, line: string) => {
        const fixed = ["-sS", "--cacert", "ca.pem", "--resolve", `web.local:${port}:${address}`];
        return spawnSync("curl", [...fixed, ...line.split(" ").filter(Boolean), `https://web.local:${port}/`], {
          cwd: desk.directory,
          encoding: "utf8",
        });
      };
      const as = (name: string) => curl("127.0.0.1", `--cert ${name}.pem --key ${name}-key.pem`).stdout;
      // A leaf alone does: nginx has the authorities.
      assert.equal(as("jane"), "CN=client\n");
      assert.match(as("joe"), /The SSL certificate error/);
      assert.match(curl("127.0.0.1", "").stdout, /No required SSL certificate was sent/);
      assert.equal(curl("127.0.0.2", "--cert-status").status, 0);
      assert.match(curl("127.0.0.3", "--cert-status").stderr, /SSL certificate revocation reason/);
      assert.match(curl("127.0.0.2", "--cacert jane.pem").stderr, /unable to get (local )?issuer certificate/);
    } finally {
      const ended = once(nginx, "exit");
      nginx.kill("SIGTERM");
      await ended;
    }
  });
}
