// The cluster's certificates and token keys: created once in a directory, read on every later start, renewed in time.
export { type Authority, type AuthorityOptions, openAuthority } from "./authority.ts";
export { type CertificateRequest, type KeyPair, renewalTime, type Usage } from "./certificate.ts";
export { writePair, writeSecret } from "./files.ts";
export { createRequest } from "./issue.ts";
export { createRenewal, type Renewable, type RenewalOptions } from "./renewal.ts";
export { type Claims, createTokenSigner, openTokenSigner, type TokenSigner } from "./token.ts";
