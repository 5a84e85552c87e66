// genkey, gencsr, gencert, sign, selfsign: what makes something prints it as one line of JSON.
import type { KeyObject } from "node:crypto";
import {
  createAuthority,
  createKeyAndRequest,
  createSelfSigned,
  defaultProfile,
  type Profile,
  readCsrConfig,
  readProfile,
  signRequest,
} from "@capstan/core/pki/cfssl";
import { type AlternativeName, alternativeName, formatKey } from "@capstan/core/pki/x509";
import { openKey, readInput } from "./files.ts";
import { type Flags, needed, parseFlags } from "./flags.ts";

const signing = {
  ca: "value",
  "ca-key": "value",
  config: "value",
  profile: "value",
  hostname: "value",
  cn: "value",
  "passphrase-file": "value",
} as const;

export async function genkey(args: string[]): Promise<number> {
  const flags = parseFlags("genkey", args, { initca: "switch" });
  const [file] = flags.positionals;
  const config = readCsrConfig(
    await readInput(needed("genkey", file, "the file of the request (CSRJSON)")),
    file ?? "",
  );
  if (flags.is("initca")) return printAuthority(await createAuthority(config));
  const { csr, key } = await createKeyAndRequest(config);
  return print({ csr, key: formatKey(key) });
}

export async function gencsr(args: string[]): Promise<number> {
  const flags = parseFlags("gencsr", args, { key: "value", "passphrase-file": "value" });
  const [file] = flags.positionals;
  const keyFile = needed("gencsr", flags.text("key"), "-key FILE");
  const config = readCsrConfig(
    await readInput(needed("gencsr", file, "the file of the request (CSRJSON)")),
    file ?? "",
  );
  const { csr } = await createKeyAndRequest(config, await openKey(keyFile, flags.text("passphrase-file")));
  return print({ csr });
}

export async function gencert(args: string[]): Promise<number> {
  const flags = parseFlags("gencert", args, { ...signing, initca: "switch", self: "switch" });
  const [file = ""] = flags.positionals;
  const config = readCsrConfig(
    await readInput(needed("gencert", file || undefined, "the file of the request (CSRJSON)")),
    file,
  );
  if (flags.is("initca")) {
    const keyFile = flags.text("ca-key");
    const key = keyFile === undefined ? undefined : await openKey(keyFile, flags.text("passphrase-file"));
    return printAuthority(await createAuthority(config, key));
  }
  const { csr, key } = await createKeyAndRequest(withName(config, flags.text("cn")));
  const cert = await signWith(flags, "gencert", csr, config.names);
  return print({ cert, csr, key: formatKey(key) });
}

export async function sign(args: string[]): Promise<number> {
  const flags = parseFlags("sign", args, { ...signing, csr: "value" });
  const [file, subjectFile] = flags.positionals;
  const csr = await readInput(needed("sign", flags.text("csr") ?? file, "the file of the request (PEM)"));
  const config = subjectFile === undefined ? undefined : readCsrConfig(await readInput(subjectFile), subjectFile);
  const cert = await signWith(flags, "sign", csr, undefined, config?.subject);
  return print({ cert, csr });
}

export async function selfsign(args: string[]): Promise<number> {
  const flags = parseFlags("selfsign", args, { config: "value", profile: "value" });
  const [host, file] = flags.positionals;
  const path = needed("selfsign", file, "HOSTNAME and the file of the request (CSRJSON)");
  const config = readCsrConfig(await readInput(path), path);
  const names = hostsOf(host) ?? config.names;
  const { cert, csr, key } = await createSelfSigned({ ...config, names }, { profile: await profileOf(flags) });
  process.stderr.write("*** a self-signed certificate is trusted by nobody but those who were given it ***\n");
  return print({ cert, csr, key: formatKey(key) });
}

async function signWith(
  flags: Flags,
  command: string,
  csr: string,
  own: AlternativeName[] | undefined,
  subject?: ReturnType<typeof readCsrConfig>["subject"],
): Promise<string> {
  const ca = needed(command, flags.text("ca"), "-ca FILE (the authority's certificate)");
  const keyFile = needed(command, flags.text("ca-key"), "-ca-key FILE (the authority's key)");
  const issuer = { cert: await readInput(ca), key: await openKey(keyFile, flags.text("passphrase-file")) };
  const names = hostsOf(flags.text("hostname"));
  if (!names && own?.length === 0) {
    process.stderr.write('this certificate has no "hosts": servers with it are refused by their clients\n');
  }
  const options = { profile: await profileOf(flags), ...(names ? { names } : {}), ...(subject ? { subject } : {}) };
  return await signRequest(issuer, csr, options);
}

async function profileOf(flags: Flags): Promise<Profile> {
  const file = flags.text("config");
  return file === undefined ? defaultProfile : readProfile(await readInput(file), flags.text("profile"), file);
}

function hostsOf(text: string | undefined): AlternativeName[] | undefined {
  return text?.split(",").map((host) => alternativeName(host.trim(), "-hostname"));
}

function withName(config: ReturnType<typeof readCsrConfig>, name: string | undefined) {
  if (name === undefined) return config;
  return { ...config, subject: [...config.subject.filter(([attribute]) => attribute !== "CN"), ["CN", name] as const] };
}

function printAuthority({ cert, csr, key }: { cert: string; csr: string; key: KeyObject }): number {
  return print({ cert, csr, key: formatKey(key) });
}

function print(value: Record<string, string>): number {
  process.stdout.write(`${JSON.stringify(value)}\n`);
  return 0;
}
