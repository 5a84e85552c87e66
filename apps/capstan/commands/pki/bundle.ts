// bundle: a certificate with the authorities between it and a root. version: of this program and what runs it.
import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { connect, getCACertificates } from "node:tls";
import {
  expiryOf,
  findChain,
  formatKey,
  isIssuedBy,
  library,
  orderChain,
  readCertificates,
} from "@capstan/core/pki/x509";
import packageFile from "../../package.json" with { type: "json" };
import { UsageError } from "../usage.ts";
import { openKey, readInput } from "./files.ts";
import { type Flags, parseFlags } from "./flags.ts";
import { fetchIssuers } from "./issuers.ts";
import { flat, second, signatureName } from "./show.ts";

const month = 30 * 24 * 3_600_000;
const dialMs = 10_000;
/** cfssl's bit for a bundle in which something expires within 30 days. */
const expiringBit = 1;
const flavors = ["ubiquitous", "optimal", "force"];

/** X.500 attributes by cfssl's names. */
const attributes: Record<string, string> = {
  CN: "CommonName",
  "2.5.4.5": "SerialNumber",
  C: "Country",
  L: "Locality",
  ST: "Province",
  STREET: "StreetAddress",
  O: "Organization",
  OU: "OrganizationalUnit",
};

export async function version(args: string[]): Promise<number> {
  parseFlags("version", args, {});
  process.stdout.write(`Version: ${packageFile.version}\nRuntime: Node ${process.version}\n`);
  return 0;
}

/** In cfssl's JSON. Without -ca-bundle the machine's roots are the trusted ones. */
export async function bundle(args: string[]): Promise<number> {
  const flags = parseFlags("bundle", args, {
    cert: "value",
    key: "value",
    "ca-bundle": "value",
    "int-bundle": "value",
    flavor: "value",
    domain: "value",
    ip: "value",
    "passphrase-file": "value",
  });
  const flavor = flags.text("flavor") ?? "ubiquitous";
  if (!flavors.includes(flavor)) {
    throw new UsageError("pki", `bundle: -flavor is one of ${flavors.join(", ")}, not "${flavor}"`);
  }
  const read = await givenCertificates(flags);
  const ordered = orderChain(read);
  const given = ordered ?? read;
  const key = await keyOf(flags, given[0] as X509Certificate);
  const { chain, root } = flavor === "force" ? { chain: ordered, root: undefined } : await build(flags, given);
  if (!chain) throw new Error("the certificates are no chain: each must be signed by the next");
  process.stdout.write(JSON.stringify(await describe({ chain, root, key, given }, Date.now())));
  return 0;
}

/** Leaf first. */
async function givenCertificates(flags: Flags): Promise<X509Certificate[]> {
  const [file, domain] = [flags.text("cert"), flags.text("domain")];
  if (file) return readCertificates(await readInput(file), file);
  if (domain) return fetchChain(domain, flags.text("ip"));
  throw new UsageError("pki", "bundle takes -cert FILE or -domain HOST[:PORT]");
}

async function keyOf(flags: Flags, leaf: X509Certificate): Promise<KeyObject | undefined> {
  const file = flags.text("key");
  if (file === undefined) return undefined;
  const key = await openKey(file, flags.text("passphrase-file"));
  const own = createPublicKey(key).export({ format: "der", type: "spki" });
  if (!own.equals(leaf.publicKey.export({ format: "der", type: "spki" }))) {
    throw new Error(`${file}: the key is not that of the certificate`);
  }
  return key;
}

interface Chain {
  /** Without the root. */
  chain: X509Certificate[];
  root: X509Certificate | undefined;
}

async function build(flags: Flags, given: X509Certificate[]): Promise<Chain> {
  const [leaf, ...others] = given as [X509Certificate, ...X509Certificate[]];
  if (isIssuedBy(leaf, leaf)) throw new Error("the certificate is self-signed: nothing stands between it and a root");
  const [rootFile, file] = [flags.text("ca-bundle"), flags.text("int-bundle")];
  const roots = rootFile
    ? readCertificates(await readInput(rootFile), rootFile)
    : getCACertificates("system").map((pem) => new X509Certificate(pem));
  const intermediates = [...others, ...(file ? readCertificates(await readInput(file), file) : [])];
  const whole = await findOrFetch(leaf, roots, intermediates);
  const root = whole.at(-1) as X509Certificate;
  // Who staples needs the issuer of a leaf that names a responder, also where that is the root: as cfssl.
  const staples = leaf.infoAccess?.includes("OCSP - URI") && !leaf.ca && whole.length <= 2;
  return { chain: staples ? whole : whole.slice(0, -1), root };
}

/** Where certificates lack, those are asked for that the leaf and the others name: as cfssl. */
async function findOrFetch(leaf: X509Certificate, roots: X509Certificate[], intermediates: X509Certificate[]) {
  try {
    return await findChain(leaf, { roots, intermediates });
  } catch (error) {
    const fetched = await fetchIssuers([leaf, ...intermediates]);
    if (fetched.length === 0) throw error;
    return findChain(leaf, { roots, intermediates: [...intermediates, ...fetched] });
  }
}

interface Made extends Chain {
  key: KeyObject | undefined;
  given: X509Certificate[];
}

async function describe({ chain, root, key, given }: Made, now: number): Promise<object> {
  const x509 = await library();
  const leaf = chain[0] as X509Certificate;
  const parsed = new x509.X509Certificate(leaf.raw);
  const names = parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const subject = flat(parsed.subjectName.toJSON());
  const responders = parsed.getExtension(x509.AuthorityInfoAccessExtension)?.ocsp.map(({ value }) => value) ?? [];
  const details = leaf.publicKey.asymmetricKeyDetails;
  const kind = leaf.publicKey.asymmetricKeyType;
  const size = kind === "rsa" ? (details?.modulusLength ?? 0) : kind === "ec" ? curveBits(details?.namedCurve) : 0;
  const common = subject.filter(([attribute]) => attribute === "CN").map(([, value]) => value);
  const dns = names.filter(({ type }) => type === "dns").map(({ value }) => value);
  const date = (time: number) => second(new Date(time));
  return {
    bundle: chain.map(toPem).join("\n"),
    crl_support: parsed.getExtension(x509.CRLDistributionPointsExtension) !== null,
    crt: toPem(leaf),
    expires: date(expiryOf(chain)),
    hostnames: [...new Set([...common, ...dns])],
    issuer: slashed(flat(parsed.issuerName.toJSON())),
    key: key ? formatKey(key).trim() : "",
    key_size: size,
    key_type: kind === "ed25519" ? "Ed25519" : `${size}-bit ${kind === "rsa" ? "RSA" : "ECDSA"}`,
    leaf_expires: date(leaf.validToDate.getTime()),
    ocsp: responders.length > 0 ? responders : null,
    ocsp_support: responders.length > 0,
    root: root ? toPem(root) : "",
    signature: signatureName(parsed.signatureAlgorithm),
    status: await statusOf({ chain, root }, given, now),
    subject: slashed(subject),
  };
}

async function statusOf({ chain, root }: Chain, given: X509Certificate[], now: number): Promise<object> {
  const x509 = await library();
  const whole = root && !chain.includes(root) ? [...chain, root] : chain;
  const expiring = whole.flatMap((cert, index) => (cert.validToDate.getTime() - now < month ? [index] : []));
  const identifiers = expiring.map((index) => {
    const parsed = new x509.X509Certificate((whole[index] as X509Certificate).raw);
    return parsed.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId.toUpperCase() ?? "";
  });
  const one = expiring.length === 1;
  const places = expiring.map((index) => `#${index + 1}`).join(" ");
  return {
    rebundled: chain.map(fingerprint).join() !== given.map(fingerprint).join(),
    expiring_SKIs: identifiers,
    untrusted_root_stores: [],
    messages:
      expiring.length === 0
        ? []
        : [`The bundle is expiring within 30 days. The expiring cert${one ? " is" : "s are"} ${places} in the chain.`],
    code: expiring.length > 0 ? expiringBit : 0,
  };
}

const fingerprint = (cert: X509Certificate) => cert.fingerprint256;
const toPem = (cert: X509Certificate) => cert.toString().trim();

function slashed(subject: ReturnType<typeof flat>): string {
  return subject.map(([attribute, value]) => `/${attributes[attribute] ?? attribute}=${value}`).join("");
}

function curveBits(curve = ""): number {
  return curve === "prime256v1" ? 256 : Number(/\d+/.exec(curve)?.[0] ?? 0);
}

/** What a server shows, leaf first. Its name must be the host's; whether it is trusted, the chain tells. */
function fetchChain(domain: string, ip: string | undefined): Promise<X509Certificate[]> {
  const [, host = domain, port = "443"] = /^(.+?)(?::(\d+))?$/.exec(domain) ?? [];
  return new Promise((resolve, reject) => {
    const target = { host: ip ?? host, port: Number(port), servername: host, rejectUnauthorized: false };
    const socket = connect(target, () => {
      const chain: X509Certificate[] = [];
      let shown = socket.getPeerCertificate(true);
      while (shown?.raw && !chain.some(({ raw }) => raw.equals(shown.raw))) {
        chain.push(new X509Certificate(shown.raw));
        shown = shown.issuerCertificate;
      }
      socket.destroy();
      const [leaf] = chain;
      if (!leaf) reject(new Error(`${domain} shows no certificate`));
      else if (leaf.checkHost(host) === undefined && leaf.checkIP(host) === undefined) {
        reject(new Error(`${domain} shows a certificate for other names: ${leaf.subjectAltName ?? "none"}`));
      } else resolve(chain);
    });
    socket.setTimeout(dialMs, () => socket.destroy(new Error(`${domain} does not answer in ${dialMs / 1000} s`)));
    socket.once("error", reject);
  });
}
