import { X509Certificate } from "node:crypto";
import { type CertificateRequest, type KeyPair, readCertificate, renewalTime, unfit } from "./certificate.ts";
import { readPair, writePair } from "./files.ts";
import { createAuthorityPair, issuePair, readRequest, signCertificate } from "./issue.ts";

// Ten years, as kubeadm gives its authorities.
const authorityDays = 3650;

/** A certificate authority whose files live in one directory. */
export interface Authority {
  /** The authority's own certificate, PEM: what clients trust. */
  readonly cert: string;
  /** A new certificate, kept nowhere. */
  issue(request: CertificateRequest): Promise<KeyPair>;
  /** The stored pair of that name while it fits the request and has a third of its life left, else a new one. */
  obtain(name: string, request: CertificateRequest): Promise<KeyPair>;
  /** Reads a certificate request (PEM) without signing it. */
  read(csr: string): Promise<CertificateRequest>;
  /** Signs a certificate request's key for what `request` says, which may be less than the CSR asks. @returns PEM. */
  sign(csr: string, request: CertificateRequest): Promise<string>;
}

export interface AuthorityOptions {
  /** Created with mode 0700; files 0600. */
  directory: string;
  /** The authority's common name, used when it is created. */
  commonName?: string;
  /** Milliseconds since the epoch; default Date.now. */
  clock?: () => number;
}

/** Loads the authority in a directory (`ca.crt`, `ca.key`), or creates it. */
export async function openAuthority(options: AuthorityOptions): Promise<Authority> {
  const { directory, commonName = "capstan", clock = Date.now } = options;
  let pair = await readPair(directory, "ca");
  if (pair && !readCertificate(pair.cert)) {
    // What the authority signed is known by its certificate alone: a new one would lock everybody out unasked.
    throw new Error(`${directory}/ca.crt is damaged: restore it, or remove the directory and give out new kubeconfigs`);
  }
  if (!pair || clock() >= renewalTime(pair.cert)) {
    pair = await createAuthorityPair(commonName, authorityDays, clock());
    await writePair(directory, "ca", pair);
  }
  const own = pair;
  const certificate = new X509Certificate(own.cert);
  return {
    cert: own.cert,
    issue: (request) => issuePair(own, request, clock()),
    obtain: async (name, request) => {
      const stored = await readPair(directory, name);
      if (stored && unfit(stored, request, certificate, clock()) === undefined) return stored;
      const fresh = await issuePair(own, request, clock());
      await writePair(directory, name, fresh);
      return fresh;
    },
    read: async (csr) => {
      const { publicKey: _, ...request } = await readRequest(csr);
      return request;
    },
    sign: async (csr, request) => signCertificate(own, request, (await readRequest(csr)).publicKey, clock()),
  };
}
