// json: writes what the others print into files. secret: a TLS Secret as YAML.

import { createPublicKey, X509Certificate } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { encryptKey, readKey } from "@capstan/core/pki/x509";
import { askSecret } from "../secret-prompt.ts";
import { openKey, readInput, readPassphraseFile } from "./files.ts";
import { needed, parseFlags } from "./flags.ts";

/** Files of each part, their names' ends and modes: cfssljson's. */
const parts = { cert: [".pem", 0o644], key: ["-key.pem", 0o600], csr: [".csr", 0o644] } as const;

export async function json(args: string[]): Promise<number> {
  const flags = parseFlags("json", args, {
    bare: "switch",
    f: "value",
    stdout: "switch",
    encrypt: "switch",
    "passphrase-file": "value",
  });
  const words = flags.positionals.filter((word) => word !== "-");
  const [name = "cert"] = words;
  const values = readParts(await readInput(flags.text("f") ?? "-"));
  if (flags.is("encrypt") && values.key !== undefined) {
    const file = flags.text("passphrase-file");
    const passphrase = file === undefined ? await newPassphrase() : readPassphraseFile(file);
    values.key = encryptKey(readKey(values.key), passphrase);
  }
  for (const [part, [end, mode]] of Object.entries(parts)) {
    const text = values[part];
    if (text === undefined) continue;
    if (flags.is("stdout")) process.stdout.write(text);
    else write(`${name}${end}`, text, mode);
  }
  return 0;
}

/** What the others print, or the answer of a cfssl server around it. */
function readParts(text: string): Record<string, string> {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw new Error("the input is no JSON: give it what gencert, genkey or sign print", { cause: error });
  }
  const outer = (read ?? {}) as { result?: unknown };
  const fields = (outer.result ?? outer) as Record<string, unknown>;
  const aliases = { cert: "certificate", key: "private_key", csr: "certificate_request" } as const;
  const values: Record<string, string> = {};
  for (const [part, alias] of Object.entries(aliases)) {
    const value = fields[part] ?? fields[alias];
    if (typeof value === "string" && value !== "") values[part] = value;
  }
  if (Object.keys(values).length === 0) throw new Error("the input has none of cert, key and csr");
  return values;
}

/** Whole or not at all. */
function write(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.next`, text, { mode, flush: true });
  renameSync(`${path}.next`, path);
}

async function newPassphrase(): Promise<string> {
  const first = await askSecret("New passphrase: ");
  if (first === "") throw new Error("an empty passphrase protects nothing");
  if ((await askSecret("The same again: ")) !== first) throw new Error("the two passphrases differ");
  return first;
}

export async function secret(args: string[]): Promise<number> {
  const flags = parseFlags("secret", args, {
    cert: "value",
    key: "value",
    namespace: "value",
    n: "value",
    "passphrase-file": "value",
  });
  const name = needed("secret", flags.positionals[0], "the Secret's NAME");
  const cert = await readInput(needed("secret", flags.text("cert"), "-cert FILE"));
  const key = await openKey(needed("secret", flags.text("key"), "-key FILE"), flags.text("passphrase-file"));
  const held = new X509Certificate(cert).publicKey.export({ format: "der", type: "spki" });
  if (!held.equals(createPublicKey(key).export({ format: "der", type: "spki" }))) {
    throw new Error("the key is not that of the certificate");
  }
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const namespace = flags.text("n") ?? flags.text("namespace");
  const lines = [
    "apiVersion: v1",
    "kind: Secret",
    "type: kubernetes.io/tls",
    "metadata:",
    `  name: ${JSON.stringify(name)}`,
    ...(namespace ? [`  namespace: ${JSON.stringify(namespace)}`] : []),
    "data:",
    `  tls.crt: ${base64(cert)}`,
    `  tls.key: ${base64(key.export({ format: "pem", type: "pkcs8" }).toString())}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}
