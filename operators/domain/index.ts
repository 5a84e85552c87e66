// Makes a tenant of a Domain: its namespace, quota, role and settings, and the state of its nodes.
// Invariant: nothing that holds a tenant's data is ever deleted here; a deleted Domain only labels its namespace.
export { deletedLabel, domainLabel } from "./labels.ts";
export { createDomainOperator, type DomainOperatorOptions } from "./operator.ts";
