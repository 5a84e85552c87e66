// The way from a certificate to a root that is trusted. Source: RFC 5280, section 6.1.
import { X509Certificate } from "node:crypto";
import { library } from "./library.ts";

/** Certificates in one file: Debian's bundle has 150. */
const certificateLimit = 4096;
/** Signatures that are looked at for one chain: what a hostile heap of authorities may cost. */
const signatureLimit = 256;
/** Authorities above one another. */
const depthLimit = 10;
const nameConstraints = "2.5.29.30";

/** Every certificate of a PEM text, in its order. @param what names the text in errors */
export function readCertificates(pem: string, what: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error(`${what}: there is no certificate in PEM in it`);
  if (blocks.length > certificateLimit) {
    throw new Error(
      `${what}: it holds ${blocks.length} certificates, more than certificateLimit (${certificateLimit})`,
    );
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new Error(`${what}: certificate ${index + 1} does not parse`, { cause: error });
    }
  });
}

export function isIssuedBy(cert: X509Certificate, issuer: X509Certificate): boolean {
  return cert.checkIssued(issuer) && cert.verify(issuer.publicKey);
}

/** Leaf first, each signed by the next; the other way round is turned. Undefined when neither holds. */
export function orderChain(certs: X509Certificate[]): X509Certificate[] | undefined {
  const holds = (chain: X509Certificate[]) =>
    chain.every((cert, index) => {
      const next = chain[index + 1];
      return next === undefined || isIssuedBy(cert, next);
    });
  return [certs, certs.toReversed()].find(holds);
}

export interface ChainOptions {
  roots: X509Certificate[];
  intermediates: X509Certificate[];
  now?: number;
}

/**
 * The shortest chain from a leaf to a root, both in it; of equals the one that lasts longest.
 * @throws saying whose certificate is missing, or why the authorities that there are do not do
 */
export async function findChain(leaf: X509Certificate, options: ChainOptions): Promise<X509Certificate[]> {
  const { roots, intermediates, now = Date.now() } = options;
  requireValid(leaf, now);
  const trusted = new Set(roots.map((root) => root.fingerprint256));
  const pool = unique([...roots, ...intermediates]).map((cert) => ({ cert, root: trusted.has(cert.fingerprint256) }));
  const refused: string[] = [];
  const missing = new Set<string>();
  let signatures = 0;
  let level: X509Certificate[][] = [[leaf]];
  for (let depth = 0; depth < depthLimit && level.length > 0; depth++) {
    const [whole, next]: [X509Certificate[][], X509Certificate[][]] = [[], []];
    for (const chain of level) {
      const last = chain.at(-1) as X509Certificate;
      const named = pool.filter(({ cert }) => cert.subject === last.issuer && !chain.includes(cert));
      if (named.length === 0) missing.add(last.issuer);
      for (const { cert, root } of named) {
        if (++signatures > signatureLimit) throw new Error(`more than signatureLimit (${signatureLimit}) authorities`);
        const reason = await reasonAgainst(cert, chain, now);
        if (reason) refused.push(`${title(cert)} ${reason}`);
        else (root ? whole : next).push([...chain, cert]);
      }
    }
    const [best] = whole.sort((a, b) => expiryOf(b) - expiryOf(a));
    if (best) return best;
    level = next;
  }
  const lacking = [...missing].map((name) => `there is no certificate of "${oneLine(name)}"`);
  throw new Error(`no chain leads from ${title(leaf)} to a trusted root: ${[...refused, ...lacking].join("; ")}`);
}

/** Milliseconds; of the certificate that expires first. */
export function expiryOf(chain: X509Certificate[]): number {
  return Math.min(...chain.map((cert) => cert.validToDate.getTime()));
}

async function reasonAgainst(
  issuer: X509Certificate,
  chain: X509Certificate[],
  now: number,
): Promise<string | undefined> {
  const last = chain.at(-1) as X509Certificate;
  if (now > issuer.validToDate.getTime()) return `has expired on ${issuer.validToDate.toISOString()}`;
  if (now < issuer.validFromDate.getTime()) return `is not valid before ${issuer.validFromDate.toISOString()}`;
  const x509 = await library();
  const parsed = new x509.X509Certificate(issuer.raw);
  const below = chain.slice(1).filter((cert) => cert.subject !== cert.issuer).length;
  const length = parsed.getExtension(x509.BasicConstraintsExtension)?.pathLength;
  if (length !== undefined && below > length) return `allows ${length} authorities below it, and there are ${below}`;
  const usages = parsed.getExtension(x509.KeyUsagesExtension);
  if (usages && (usages.usages & x509.KeyUsageFlags.keyCertSign) === 0) return 'lacks the usage "cert sign"';
  if (!issuer.ca) return "is no authority";
  if (parsed.getExtension(nameConstraints)) return "has name constraints, which are not supported";
  if (!last.verify(issuer.publicKey)) return `did not sign ${title(last)}`;
  return undefined;
}

function requireValid(cert: X509Certificate, now: number): void {
  if (now > cert.validToDate.getTime())
    throw new Error(`${title(cert)} has expired on ${cert.validToDate.toISOString()}`);
  if (now < cert.validFromDate.getTime())
    throw new Error(`${title(cert)} is not valid before ${cert.validFromDate.toISOString()}`);
}

function unique(certs: X509Certificate[]): X509Certificate[] {
  return [...new Map(certs.map((cert) => [cert.fingerprint256, cert])).values()];
}

/** A certificate in messages. */
function title(cert: X509Certificate): string {
  return `"${oneLine(cert.subject)}"`;
}

function oneLine(name: string): string {
  return (name ?? "").replaceAll("\n", ", ").slice(0, 200);
}
