// Keys, requests and certificates of all kinds that the field uses: RSA, ECDSA and Ed25519.
export { type CertificateTemplate, type Issuer, pathLengthOf, reissue, selfSign, signTemplate } from "./certificate.ts";
export { type ChainOptions, expiryOf, findChain, isIssuedBy, orderChain, readCertificates } from "./chain.ts";
export {
  checkKeySpec,
  encryptKey,
  formatKey,
  generateKey,
  isEncrypted,
  type KeySpec,
  PassphraseError,
  readKey,
  signingAlgorithm,
  toCryptoKeys,
} from "./keys.ts";
export { type Library, library } from "./library.ts";
export { createSigningRequest, readSigningRequest, type SigningRequest } from "./request.ts";
export { type AlternativeName, alternativeName, type Subject, type SubjectAttribute } from "./subject.ts";
export { readUsages, type Usages } from "./usages.ts";
