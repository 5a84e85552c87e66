// Who asked for what, when, and how it went: one event a stage, in audit.k8s.io/v1's shape.
export type { AuditEvent, AuditStage } from "./event.ts";
export { type Audit, type AuditOptions, createAudit } from "./interceptor.ts";
export { type AuditLevel, type AuditPolicy, parseAuditPolicy, recordMetadata } from "./policy.ts";
