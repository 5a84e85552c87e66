// Certificates of Services: asked of whoever signs in the cluster, kept in Secrets, renewed in time.
export { createCertificateRenewal } from "./renewal.ts";
export { requestServiceCertificate } from "./request.ts";
export { storeCertificate } from "./secret.ts";
