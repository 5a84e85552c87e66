// What every namespace holds from the start: the account "default" and the authority's certificate.
export { createRootCaPublisher } from "./root-ca.ts";
export { createServiceAccountController } from "./service-account.ts";
