import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readCredentials } from "./kubeconfig.ts";
import { authorities, certificates, type Known, kubeconfigs, kubeletFiles } from "./layout.ts";

/** One certificate of a control plane, as it is on disk. */
export interface Entry extends Known {
  /** Absolute. */
  file: string;
  kind: "authority" | "certificate" | "kubeconfig" | "kubelet";
  certificate: X509Certificate;
  /** PEM; absent when it is not beside the certificate. */
  key?: string;
  /** Somebody else signs it: the authority's key is not here. */
  external: boolean;
  /** What is wrong with it beside its age. */
  problem?: string;
}

export interface InventoryOptions {
  /** `/etc/kubernetes` */
  directory: string;
  /** `/var/lib/kubelet/pki`; absent: not looked at. */
  kubeletDirectory?: string | undefined;
  /** Told of what should be there and is not: it is left out. */
  missing?: (words: string) => void;
}

/** All certificates that are there. @throws when there is none, or one cannot be read */
export async function readInventory(options: InventoryOptions): Promise<Entry[]> {
  const { directory, kubeletDirectory, missing = () => {} } = options;
  const entries: Entry[] = [];
  const signers = new Map<string, X509Certificate>();
  for (const known of authorities) {
    const entry = readCertificate({ ...known, authority: "", users: [] }, directory, "authority");
    if (!entry) continue;
    signers.set(entry.name, entry.certificate);
    entries.push({ ...entry, external: entry.key === undefined });
  }
  const held = new Set(entries.filter(({ external }) => !external).map(({ name }) => name));
  const add = (entry: Entry | undefined) => {
    if (!entry) return;
    const external = entry.kind === "kubelet" || !held.has(entry.authority);
    const problem = entry.problem ?? signedBy(entry, signers.get(entry.authority));
    entries.push({ ...entry, external, ...(problem ? { problem } : {}) });
  };
  for (const known of certificates) add(readCertificate(known, directory, "certificate"));
  for (const known of kubeconfigs) add(await readKubeconfig(known, directory, missing));
  if (kubeletDirectory) for (const known of kubeletFiles) add(readCertificate(known, kubeletDirectory, "kubelet"));
  if (entries.length === 0)
    throw new Error(`${directory}: there are no certificates of kubeadm's here; name its directory with --dir`);
  return entries;
}

function readCertificate(known: Known, directory: string, kind: Entry["kind"]): Entry | undefined {
  const file = join(directory, known.path);
  if (!existsSync(file)) return undefined;
  const pem = readFileSync(file, "utf8");
  const keyFile = file.replace(/\.crt$/, ".key");
  const inside = pem.includes("PRIVATE KEY-----") ? pem : undefined;
  const key = inside ?? (keyFile !== file && existsSync(keyFile) ? readFileSync(keyFile, "utf8") : undefined);
  return toEntry(known, file, kind, pem, key);
}

async function readKubeconfig(
  known: Known,
  directory: string,
  missing: (words: string) => void,
): Promise<Entry | undefined> {
  const file = join(directory, known.path);
  if (!existsSync(file)) return undefined;
  const credentials = await readCredentials(readFileSync(file, "utf8"), file);
  if (!credentials) return undefined;
  if ("lacking" in credentials) {
    missing(`${file}: the certificate that it names is not there: ${credentials.lacking}`);
    return undefined;
  }
  // A kubeconfig that names a file follows it: the file is what is renewed.
  const kind = credentials.file ? "kubelet" : "kubeconfig";
  return toEntry(known, credentials.file ?? file, kind, credentials.cert, credentials.key);
}

function toEntry(known: Known, file: string, kind: Entry["kind"], cert: string, key: string | undefined): Entry {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch (error) {
    throw new Error(`${file}: its certificate cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const problem = key === undefined ? undefined : keyProblem(certificate, key);
  return {
    ...known,
    file,
    kind,
    certificate,
    external: false,
    ...(key ? { key } : {}),
    ...(problem ? { problem } : {}),
  };
}

function keyProblem(certificate: X509Certificate, key: string): string | undefined {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key)) ? undefined : "its key is another one's";
  } catch (error) {
    return `its key cannot be read: ${(error as Error).message}`;
  }
}

function signedBy({ certificate, authority }: Entry, signer: X509Certificate | undefined): string | undefined {
  if (!signer) return undefined;
  const signed = certificate.checkIssued(signer) && certificate.verify(signer.publicKey);
  return signed ? undefined : `it is not signed by ${authority}`;
}

const day = 86_400_000;

/** Whole days that are left; negative once it has expired. */
export function daysLeft({ certificate }: Entry, now: number): number {
  return Math.floor((certificate.validToDate.getTime() - now) / day);
}
