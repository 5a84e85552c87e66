// Issuers fetched from where a certificate says they are (authority information access, RFC 5280, 4.2.2.1).
import { X509Certificate } from "node:crypto";
import { library } from "@capstan/core/pki/x509";

const fetchLimit = 8;
/** Bytes of one certificate. */
const answerLimit = 64 * 1024;
const answerMs = 10_000;

/** The issuers that certificates name, and those that these name. What cannot be had is told on the standard error. */
export async function fetchIssuers(certs: X509Certificate[]): Promise<X509Certificate[]> {
  const [found, seen]: [X509Certificate[], Set<string>] = [[], new Set()];
  const waiting = [...certs];
  for (let cert = waiting.shift(); cert; cert = waiting.shift()) {
    for (const url of await issuerUrls(cert)) {
      if (seen.has(url) || seen.size >= fetchLimit) continue;
      seen.add(url);
      try {
        const issuer = await fetchCertificate(url);
        found.push(issuer);
        waiting.push(issuer);
      } catch (error) {
        process.stderr.write(`${url}: ${(error as Error).message}\n`);
      }
    }
  }
  return found;
}

async function issuerUrls(cert: X509Certificate): Promise<string[]> {
  const x509 = await library();
  const access = new x509.X509Certificate(cert.raw).getExtension(x509.AuthorityInfoAccessExtension);
  return (access?.caIssuers ?? []).map(({ value }) => value).filter((url) => /^https?:\/\//i.test(url));
}

async function fetchCertificate(url: string): Promise<X509Certificate> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(answerMs), redirect: "error" });
  if (!answer.ok || !answer.body) throw new Error(`it answers with status ${answer.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > answerLimit) throw new Error(`it answers with more than answerLimit (${answerLimit} bytes)`);
    chunks.push(chunk);
  }
  try {
    return new X509Certificate(Buffer.concat(chunks));
  } catch (error) {
    throw new Error("it answers with no certificate, neither in DER nor in PEM", { cause: error });
  }
}
