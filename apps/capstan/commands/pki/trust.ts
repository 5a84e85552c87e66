// trust install|remove: an authority in the trust stores of this machine.
import type { X509Certificate } from "node:crypto";
import { readCertificates } from "@capstan/core/pki/x509";
import { UsageError } from "../usage.ts";
import { readInput } from "./files.ts";
import { needed, parseFlags } from "./flags.ts";
import { type Act, nssActs, systemActs } from "./trust-stores.ts";

const nameLimit = 64;

export async function trust(args: string[]): Promise<number> {
  const [verb = "", ...rest] = args;
  if (verb !== "install" && verb !== "remove") {
    throw new UsageError(
      "pki",
      `trust: ${verb === "" ? "install or remove is missing" : `"${verb}" is neither install nor remove`}`,
    );
  }
  const flags = parseFlags(`trust ${verb}`, rest, {
    name: "value",
    nss: "value",
    "nss-only": "switch",
    "dry-run": "switch",
  });
  const file = needed(`trust ${verb}`, flags.positionals[0], "the authority's FILE");
  const cert = readAuthority(await readInput(file), file, verb);
  const name = flags.text("name") ?? defaultName(cert);
  if (name.length > nameLimit || !/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(name)) {
    throw new UsageError(
      "pki",
      `trust: -name takes letters, digits, ".", "_" and "-" (at most ${nameLimit}), not "${name}"`,
    );
  }
  const authority = { cert, name };
  // All that would go wrong goes wrong before anything is changed.
  const acts = [
    ...(flags.is("nss-only") ? [] : systemActs(verb, authority)),
    ...(await nssActs(verb, authority, { directory: flags.text("nss"), home: process.env.HOME })),
  ];
  for (const act of acts) await carryOut(act, flags.is("dry-run"));
  return 0;
}

async function carryOut({ what, run }: Act, dry: boolean): Promise<void> {
  if (!run) {
    process.stdout.write(`${what}\n`);
    return;
  }
  process.stdout.write(dry ? `would ${what}\n` : `${what}\n`);
  if (!dry) await run();
}

function readAuthority(pem: string, file: string, verb: "install" | "remove"): X509Certificate {
  const certs = readCertificates(pem, file);
  const [cert] = certs;
  if (!cert || certs.length > 1)
    throw new Error(`${file}: it holds ${certs.length} certificates; trust takes them one by one`);
  if (verb === "remove") return cert;
  if (!cert.ca)
    throw new Error(`${file}: it is no authority (basicConstraints CA is false), and trusting it would change nothing`);
  if (Date.now() > cert.validToDate.getTime())
    throw new Error(`${file}: it has expired on ${cert.validToDate.toISOString()}`);
  return cert;
}

/** The common name in small letters, and else the fingerprint's beginning. */
function defaultName(cert: X509Certificate): string {
  const common = /^CN=(.+)$/m.exec(cert.subject ?? "")?.[1] ?? "";
  const plain = common
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, nameLimit);
  return plain.replace(/-+$/, "") || `capstan-${cert.fingerprint256.replaceAll(":", "").slice(0, 16).toLowerCase()}`;
}
