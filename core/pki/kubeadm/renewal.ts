import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { generateKey, type KeySpec, reissue } from "../x509/index.ts";
import { type Entry, readInventory } from "./inventory.ts";
import { withCredentials } from "./kubeconfig.ts";
import { type FileChange, replaceFiles } from "./transaction.ts";

export interface RenewalPlan {
  directory: string;
  /** As in Entry; absent: all that can be renewed. */
  names?: string[];
  /** Days of life; absent: as long as the old ones were to live. */
  days?: number | undefined;
  /** New keys too, of the old one's kind. */
  newKeys?: boolean | undefined;
  now?: number;
}

export interface Renewal {
  entry: Entry;
  notAfter: Date;
}

const day = 86_400_000;
const backdate = 5 * 60_000;

/** What would be renewed. @throws naming what cannot be, and why */
export async function planRenewal(plan: RenewalPlan): Promise<Entry[]> {
  const entries = await readInventory({ directory: plan.directory });
  const leaves = entries.filter(({ kind }) => kind === "certificate" || kind === "kubeconfig");
  const names = plan.names ?? leaves.filter(({ external }) => !external).map(({ name }) => name);
  return names.map((name) => {
    const entry = leaves.find((each) => each.name === name);
    if (!entry)
      throw new Error(`there is no certificate "${name}"; there are: ${leaves.map((each) => each.name).join(", ")}`);
    if (entry.external) {
      throw new Error(
        `${name} is managed elsewhere: the key of its authority ${entry.authority} is not in ${plan.directory}`,
      );
    }
    if (!entry.key) throw new Error(`${name}: its key is not here`);
    return entry;
  });
}

/** Renews them all, or none. @returns what is new, and where the old files are */
export async function renewCertificates(plan: RenewalPlan): Promise<{ renewed: Renewal[]; backup: string }> {
  const { directory, now = Date.now() } = plan;
  const entries = await readInventory({ directory });
  const chosen = await planRenewal(plan);
  const changes: FileChange[] = [];
  const renewed: Renewal[] = [];
  for (const entry of chosen) {
    const authority = entries.find(({ kind, name }) => kind === "authority" && name === entry.authority);
    if (!authority?.key) throw new Error(`${entry.name}: the key of its authority ${entry.authority} is not here`);
    const fresh = await renewOne(entry, authority, plan, now);
    changes.push(...(await changesOf(entry, fresh)));
    renewed.push({ entry, notAfter: new X509Certificate(fresh.cert).validToDate });
  }
  return { renewed, backup: replaceFiles(directory, changes, now) };
}

interface Fresh {
  cert: string;
  /** Absent when the old one stays. */
  key?: string;
}

async function renewOne(entry: Entry, authority: Entry, { days, newKeys }: RenewalPlan, now: number): Promise<Fresh> {
  const issuer = { cert: authority.certificate.toString(), key: createPrivateKey(authority.key ?? "") };
  const end = authority.certificate.validToDate.getTime();
  if (end <= now)
    throw new Error(`${entry.authority} has expired itself: a new authority has to be given to every node`);
  if (!authority.certificate.ca) {
    throw new Error(
      `${entry.authority} is no authority (basicConstraints CA is false): nobody would trust what it signs`,
    );
  }
  const { validFromDate, validToDate } = entry.certificate;
  const life = days === undefined ? validToDate.getTime() - validFromDate.getTime() : days * day;
  const times = { notBefore: new Date(now - backdate), notAfter: new Date(Math.min(now + life, end)) };
  const old = createPrivateKey(entry.key ?? "");
  const key = newKeys ? await generateKey(kindOf(old)) : old;
  const cert = await reissue(entry.certificate.toString(), key, issuer, times);
  return { cert, ...(newKeys ? { key: exportLike(key, entry.key ?? "") } : {}) };
}

async function changesOf(entry: Entry, { cert, key }: Fresh): Promise<FileChange[]> {
  if (entry.kind === "kubeconfig") {
    const text = readFileSync(entry.file, "utf8");
    return [{ path: entry.file, text: await withCredentials(text, entry.file, cert, key ?? entry.key ?? "") }];
  }
  const pair = [{ path: entry.file, text: cert }];
  return key === undefined ? pair : [{ path: entry.file.replace(/\.crt$/, ".key"), text: key }, ...pair];
}

function kindOf(key: KeyObject): KeySpec {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa") return { algo: "rsa", size: details?.modulusLength ?? 2048 };
  const sizes: Record<string, number> = { secp384r1: 384, secp521r1: 521 };
  return { algo: type === "ed25519" ? "ed25519" : "ecdsa", size: sizes[details?.namedCurve ?? ""] ?? 256 };
}

/** In the form that the old one has. */
function exportLike(key: KeyObject, old: string): string {
  const type = old.includes("BEGIN RSA") ? "pkcs1" : old.includes("BEGIN EC") ? "sec1" : "pkcs8";
  return key.export({ format: "pem", type }).toString();
}
