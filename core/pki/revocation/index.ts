// Revoked certificates: remembered, listed, and answered for.
export { createCrl } from "./crl.ts";
export { parseReason, type Reason, type Revocation, readLedger, reasons, revoke } from "./ledger.ts";
export { answerOcsp, type Responder, type Standing, signOcsp } from "./ocsp.ts";
