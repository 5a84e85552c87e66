// revoke, gencrl, crl, ocspsign, ocspserve: certificates that count no more, and who tells so.
import { X509Certificate } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { parseDuration } from "@capstan/core/pki/cfssl";
import {
  answerOcsp,
  createCrl,
  parseReason,
  type Responder,
  type Revocation,
  readLedger,
  revoke as record,
  type Standing,
  signOcsp,
} from "@capstan/core/pki/revocation";
import { library } from "@capstan/core/pki/x509";
import { UsageError } from "../usage.ts";
import { openKey, readInput } from "./files.ts";
import { type Flags, needed, parseFlags } from "./flags.ts";

const hour = 3_600_000;
const week = 168 * hour;
/** How long an answer holds: cfssl's 96 hours. */
const answerLife = 96 * hour;
/** Bytes of a question. */
const questionLimit = 64 * 1024;

export async function revoke(args: string[]): Promise<number> {
  const flags = parseFlags("revoke", args, {
    db: "value",
    serial: "value",
    aki: "value",
    reason: "value",
    cert: "value",
  });
  const db = needed("revoke", flags.text("db"), "-db FILE, the list of the revoked,");
  const file = flags.text("cert");
  const { serial, aki } = file ? await identify(await readInput(file)) : named(flags);
  const reason = parseReason(flags.text("reason") ?? "unspecified");
  const at = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const fresh = record(db, { serial, ...(aki ? { aki } : {}), reason, at });
  process.stderr.write(fresh ? `certificate ${serial} is revoked\n` : `certificate ${serial} was revoked before\n`);
  return 0;
}

function named(flags: Flags): { serial: string; aki?: string } {
  const serial = needed("revoke", flags.text("serial"), "-cert FILE, or -serial NUMBER with -aki ID,");
  if (!/^\d{1,50}$/.test(serial))
    throw new UsageError("pki", `revoke: -serial takes a decimal number, not "${serial}"`);
  const aki = flags.text("aki")?.replaceAll(":", "").toLowerCase();
  if (aki !== undefined && !/^[0-9a-f]{2,128}$/.test(aki))
    throw new UsageError("pki", `revoke: -aki takes hexadecimal digits, not "${aki}"`);
  return { serial, ...(aki ? { aki } : {}) };
}

async function identify(pem: string): Promise<{ serial: string; aki?: string }> {
  const x509 = await library();
  const cert = new x509.X509Certificate(pem);
  const aki = cert.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId?.toLowerCase();
  return { serial: BigInt(`0x${cert.serialNumber}`).toString(), ...(aki ? { aki } : {}) };
}

/** A list of the numbers in a file, a line each: `gencrl NUMBERS CERT KEY [SECONDS]`. */
export async function gencrl(args: string[]): Promise<number> {
  const flags = parseFlags("gencrl", args, { "passphrase-file": "value" });
  const [numbers, cert, key, life] = flags.positionals;
  const file = needed("gencrl", numbers, "the file of the serial numbers");
  const lines = (await readInput(file))
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const wrong = lines.findIndex((line) => !/^\d{1,50}$/.test(line));
  if (wrong >= 0) throw new Error(`${file}: line ${wrong + 1} is no decimal number`);
  const at = new Date().toISOString();
  const revocations = lines.map((serial): Revocation => ({ serial, reason: "unspecified", at }));
  const seconds = life === undefined ? week / 1000 : Number(life);
  if (!(seconds > 0)) throw new UsageError("pki", `gencrl: "${life}" is no number of seconds`);
  return printCrl(needed("gencrl", cert, "CERT"), needed("gencrl", key, "KEY"), flags, revocations, seconds * 1000);
}

export async function crl(args: string[]): Promise<number> {
  const flags = parseFlags("crl", args, {
    db: "value",
    ca: "value",
    "ca-key": "value",
    expiry: "value",
    "passphrase-file": "value",
  });
  const db = needed("crl", flags.text("db"), "-db FILE");
  const life = parseDuration(flags.text("expiry") ?? "168h", "-expiry");
  return printCrl(
    needed("crl", flags.text("ca"), "-ca FILE"),
    needed("crl", flags.text("ca-key"), "-ca-key FILE"),
    flags,
    readLedger(db),
    life,
  );
}

/** DER in base64, as cfssl. */
async function printCrl(
  cert: string,
  key: string,
  flags: Flags,
  revocations: Revocation[],
  life: number,
): Promise<number> {
  const issuer = { cert: await readInput(cert), key: await openKey(key, flags.text("passphrase-file")) };
  const now = Date.now();
  const list = await createCrl({ issuer, revocations, thisUpdate: new Date(now), nextUpdate: new Date(now + life) });
  process.stdout.write(Buffer.from(list).toString("base64"));
  return 0;
}

const answering = { ca: "value", responder: "value", "responder-key": "value", "passphrase-file": "value" } as const;

async function responderOf(command: string, flags: Flags): Promise<Responder> {
  const issuer = await readInput(needed(command, flags.text("ca"), "-ca FILE"));
  const cert = await readInput(needed(command, flags.text("responder"), "-responder FILE"));
  const key = await openKey(
    needed(command, flags.text("responder-key"), "-responder-key FILE"),
    flags.text("passphrase-file"),
  );
  const own = new X509Certificate(cert);
  if (!own.checkPrivateKey(key)) throw new Error("the responder's key is not that of its certificate");
  const authority = new X509Certificate(issuer);
  const isAuthority = own.fingerprint256 === authority.fingerprint256;
  if (
    !isAuthority &&
    !(own.checkIssued(authority) && own.verify(authority.publicKey) && own.keyUsage?.includes("1.3.6.1.5.5.7.3.9"))
  ) {
    throw new Error('the responder is neither the authority nor signed by it with the usage "ocsp signing"');
  }
  return { issuer, cert: isAuthority ? issuer : cert, key, validity: answerLife };
}

export async function ocspsign(args: string[]): Promise<number> {
  const flags = parseFlags("ocspsign", args, {
    ...answering,
    cert: "value",
    status: "value",
    reason: "value",
    "revoked-at": "value",
  });
  const responder = await responderOf("ocspsign", flags);
  const cert = await readInput(needed("ocspsign", flags.text("cert"), "-cert FILE"));
  const status = flags.text("status") ?? "good";
  const at = new Date(flags.text("revoked-at") ?? Date.now());
  if (Number.isNaN(at.getTime())) throw new UsageError("pki", "ocspsign: -revoked-at takes a date, such as 2026-01-31");
  let standing: Standing;
  if (status === "good" || status === "unknown") standing = { status };
  else if (status === "revoked") standing = { status, at, reason: parseReason(flags.text("reason") ?? "unspecified") };
  else throw new UsageError("pki", `ocspsign: -status is good, revoked or unknown, not "${status}"`);
  const answer = signOcsp(cert, responder, standing, Date.now());
  process.stdout.write(`${JSON.stringify({ ocspResponse: Buffer.from(answer).toString("base64") })}\n`);
  return 0;
}

/** Answers until Ctrl-C, from the list as it is at each question. */
export async function ocspserve(args: string[]): Promise<number> {
  const flags = parseFlags("ocspserve", args, { ...answering, db: "value", port: "value", address: "value" });
  const responder = await responderOf("ocspserve", flags);
  const db = needed("ocspserve", flags.text("db"), "-db FILE");
  readLedger(db);
  const { aki } = await authorityKey(responder.issuer);
  const standing = (serial: string): Standing => {
    const found = readLedger(db).find((each) => each.serial === serial && (each.aki === undefined || each.aki === aki));
    return found ? { status: "revoked", at: new Date(found.at), reason: found.reason } : { status: "good" };
  };
  const answer = async (request: IncomingMessage) =>
    answerOcsp(await question(request), responder, standing, Date.now());
  const server = createServer((request, response) => {
    answer(request).then(
      (bytes) => {
        response.setHeader("content-type", "application/ocsp-response");
        response.end(bytes);
      },
      (error: Error) => {
        response.statusCode = 400;
        response.end(`${error.message}\n`);
      },
    );
  });
  server.requestTimeout = 10_000;
  const address = flags.text("address") ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(flags.text("port") ?? 8889), address, resolve);
  });
  process.stdout.write(`answering on http://${address}:${(server.address() as AddressInfo).port}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  server.close();
  server.closeAllConnections();
  return 0;
}

async function authorityKey(pem: string): Promise<{ aki: string | undefined }> {
  const x509 = await library();
  return { aki: new x509.X509Certificate(pem).getExtension(x509.SubjectKeyIdentifierExtension)?.keyId.toLowerCase() };
}

/** The body of a POST, or the base64 at the end of a GET's path. Source: RFC 6960, A.1. */
async function question(request: IncomingMessage): Promise<Uint8Array> {
  if (request.method === "GET") {
    const last = new URL(request.url ?? "/", "http://ocsp").pathname.slice(1);
    if (last.length > questionLimit)
      throw new Error(`the question is larger than questionLimit (${questionLimit} bytes)`);
    return Buffer.from(decodeURIComponent(last), "base64");
  }
  if (request.method !== "POST") throw new Error("a question is sent by POST or GET");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > questionLimit) throw new Error(`the question is larger than questionLimit (${questionLimit} bytes)`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
