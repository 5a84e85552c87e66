import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

/** What a key is made of; sizes in bits. */
export interface KeySpec {
  algo: "rsa" | "ecdsa" | "ed25519";
  size: number;
}

const curves: Record<number, string> = { 256: "P-256", 384: "P-384", 521: "P-521" };
const curveOfNode: Record<string, string> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };
const rsaSizes = { least: 2048, most: 4096 };
const generate = promisify(generateKeyPair);

/** @throws naming `key.algo` or `key.size` */
export function checkKeySpec({ algo, size }: KeySpec): void {
  if (algo === "rsa" && (size < rsaSizes.least || size > rsaSizes.most || size % 8 !== 0)) {
    throw new Error(`key.size: an RSA key has ${rsaSizes.least} to ${rsaSizes.most} bits, not ${size}`);
  }
  if (algo === "ecdsa" && !curves[size])
    throw new Error(`key.size: an ECDSA key has 256, 384 or 521 bits, not ${size}`);
  if (!["rsa", "ecdsa", "ed25519"].includes(algo)) {
    throw new Error(`key.algo: "${algo}" is none of rsa, ecdsa, ed25519`);
  }
}

/** @throws as checkKeySpec */
export async function generateKey(spec: KeySpec): Promise<KeyObject> {
  checkKeySpec(spec);
  const { algo, size } = spec;
  if (algo === "rsa") return (await generate("rsa", { modulusLength: size })).privateKey;
  if (algo === "ecdsa") return (await generate("ec", { namedCurve: curves[size] ?? "P-256" })).privateKey;
  return (await generate("ed25519")).privateKey;
}

/** PEM in the form that cfssl and openssl write for the kind of key. */
export function formatKey(key: KeyObject): string {
  const type = key.asymmetricKeyType === "rsa" ? "pkcs1" : key.asymmetricKeyType === "ec" ? "sec1" : "pkcs8";
  return key.export({ format: "pem", type }).toString();
}

/** PKCS #8, PEM, encrypted with AES-256 under a passphrase. */
export function encryptKey(key: KeyObject, passphrase: string): string {
  return key.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase }).toString();
}

/** The key is encrypted, and no passphrase or the wrong one was given. */
export class PassphraseError extends Error {}

export function isEncrypted(pem: string): boolean {
  return /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem);
}

/** @throws PassphraseError; Error when the text is no private key */
export function readKey(pem: string, passphrase?: string): KeyObject {
  if (isEncrypted(pem) && passphrase === undefined)
    throw new PassphraseError("the key is encrypted: it needs a passphrase");
  // What cfssl writes is PKCS #8 under a name of its own.
  const plain = pem.replaceAll(/(-----(?:BEGIN|END)) Ed25519 (PRIVATE KEY-----)/g, "$1 $2");
  try {
    return createPrivateKey({ key: plain, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    if (isEncrypted(pem)) throw new PassphraseError("the passphrase does not open the key", { cause: error });
    throw new Error("this is no private key in PEM", { cause: error });
  }
}

/** How a key signs: hashes as cfssl chooses them by size. */
export function signingAlgorithm(key: KeyObject): { name: string; hash?: string; namedCurve?: string } {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa") {
    const bits = details?.modulusLength ?? 0;
    return { name: "RSASSA-PKCS1-v1_5", hash: bits >= 4096 ? "SHA-512" : bits >= 3072 ? "SHA-384" : "SHA-256" };
  }
  if (type === "ec") {
    const namedCurve = curveOfNode[details?.namedCurve ?? ""];
    if (!namedCurve) throw new Error(`keys on the curve ${details?.namedCurve} are not supported`);
    return { name: "ECDSA", namedCurve, hash: `SHA-${namedCurve === "P-521" ? 512 : namedCurve.slice(2)}` };
  }
  if (type === "ed25519") return { name: "Ed25519" };
  throw new Error(`keys of type ${type} are not supported: rsa, ecdsa and ed25519 are`);
}

/** For the certificate library. */
export function toCryptoKeys(key: KeyObject): CryptoKeyPair {
  const algorithm = signingAlgorithm(key);
  return {
    privateKey: key.toCryptoKey(algorithm, true, ["sign"]),
    publicKey: createPublicKey(key).toCryptoKey(algorithm, true, ["verify"]),
  } as CryptoKeyPair;
}
