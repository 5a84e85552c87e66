// cfssl's files and what it makes of them.
export { type CsrConfig, readCsrConfig } from "./csr-config.ts";
export { defaultFiles } from "./defaults.ts";
export { parseDuration } from "./duration.ts";
export { createAuthority, createKeyAndRequest, createSelfSigned, type NewAuthority, signRequest } from "./issue.ts";
export { defaultProfile, type Profile, readProfile } from "./signing-config.ts";
