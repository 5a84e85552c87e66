import { connect } from "node:tls";
import { library, readSigningRequest, type Subject } from "@capstan/core/pki/x509";
import { UsageError } from "../usage.ts";
import { readInput } from "./files.ts";
import { parseFlags } from "./flags.ts";

/** In cfssl's order. */
const labels = [
  ["CN", "common_name"],
  ["2.5.4.5", "serial_number"],
  ["C", "country"],
  ["O", "organization"],
  ["OU", "organizational_unit"],
  ["L", "locality"],
  ["ST", "province"],
] as const;
const dialMs = 10_000;

/** What a certificate or request says, in cfssl's JSON. */
export async function certinfo(args: string[]): Promise<number> {
  const flags = parseFlags("certinfo", args, { cert: "value", csr: "value", domain: "value" });
  const [cert, csr, domain] = [flags.text("cert"), flags.text("csr"), flags.text("domain")];
  const info = csr
    ? await describeRequest(await readInput(csr))
    : domain
      ? await describe(await fetchCertificate(domain))
      : cert && (await describe(await readInput(cert)));
  if (!info) throw new UsageError("pki", "certinfo takes -cert FILE, -csr FILE or -domain HOST[:PORT]");
  process.stdout.write(`${JSON.stringify(info, null, 2)}\n`);
  return 0;
}

async function describe(pem: string): Promise<object> {
  const x509 = await library();
  const cert = new x509.X509Certificate(pem);
  const names = cert.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const colons = (hex: string | undefined) => hex?.toUpperCase().match(/../g)?.join(":") ?? "";
  return {
    subject: nameInfo(flat(cert.subjectName.toJSON())),
    issuer: nameInfo(flat(cert.issuerName.toJSON())),
    serial_number: BigInt(`0x${cert.serialNumber}`).toString(),
    ...(names.length > 0 ? { sans: names.map(({ value }) => value) } : {}),
    not_before: second(cert.notBefore),
    not_after: second(cert.notAfter),
    sigalg: signatureName(cert.signatureAlgorithm),
    authority_key_id: colons(cert.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId),
    subject_key_id: colons(cert.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId),
    pem: `${cert.toString("pem")}\n`,
  };
}

async function describeRequest(pem: string): Promise<object> {
  const { subject, names, publicKey } = await readSigningRequest(pem);
  return {
    subject: nameInfo(subject),
    ...(names.length > 0 ? { sans: names.map(({ value }) => value) } : {}),
    key_algorithm: publicKey.asymmetricKeyType,
    pem,
  };
}

export function flat(name: Record<string, string[]>[]): Subject {
  return name.flatMap((part) =>
    Object.entries(part).flatMap(([attribute, values]) => values.map((value) => [attribute, value] as Subject[number])),
  );
}

function nameInfo(subject: Subject): object {
  const info: Record<string, string> = {};
  for (const [attribute, label] of labels) {
    const found = subject.find(([name]) => name === attribute);
    if (found) info[label] = found[1];
  }
  return { ...info, names: subject.map(([, value]) => value) };
}

export function signatureName({ name, hash }: { name: string; hash?: { name: string } }): string {
  const digest = hash?.name.replace("-", "") ?? "";
  if (name.startsWith("RSASSA")) return `${digest}WithRSA`;
  return name === "ECDSA" ? `ECDSAWith${digest}` : name;
}

export function second(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

/** The certificate that a server shows; whether it is trusted is not looked at. */
function fetchCertificate(domain: string): Promise<string> {
  const [, host = domain, port = "443"] = /^(.+?)(?::(\d+))?$/.exec(domain) ?? [];
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), servername: host, rejectUnauthorized: false }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate) resolve(certificate.toString());
      else reject(new Error(`${domain} shows no certificate`));
    });
    socket.setTimeout(dialMs, () => socket.destroy(new Error(`${domain} does not answer in ${dialMs / 1000} s`)));
    socket.once("error", reject);
  });
}
