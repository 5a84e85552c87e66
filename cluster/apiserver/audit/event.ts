// Events as audit.k8s.io/v1 has them.
import type { HttpRequest, HttpResponse, Principal } from "@capstan/base/http";
import { userInfoOf } from "../authentication/index.ts";
import type { RequestInfo } from "../request.ts";
import type { AuditLevel, AuditStage } from "./policy.ts";

export type { AuditStage };

export interface ObjectReference {
  resource?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiGroup?: string;
  apiVersion?: string;
  resourceVersion?: string;
  subresource?: string;
}

/** Source: k8s.io/apiserver/pkg/apis/audit/v1.Event. */
export interface AuditEvent {
  kind: "Event";
  apiVersion: "audit.k8s.io/v1";
  level: AuditLevel;
  auditID: string;
  stage: AuditStage;
  requestURI: string;
  verb: string;
  user: Record<string, unknown>;
  impersonatedUser?: Record<string, unknown>;
  sourceIPs?: string[];
  userAgent?: string;
  objectRef?: ObjectReference;
  responseStatus?: Record<string, unknown>;
  requestObject?: unknown;
  responseObject?: unknown;
  requestReceivedTimestamp: string;
  stageTimestamp: string;
  annotations?: Record<string, string>;
}

/** Longest user agent kept, in characters. Source: maxUserAgentLength. */
const userAgentLimit = 1024;

/** What all stages of a request say alike. */
export function eventOf(
  request: HttpRequest,
  info: RequestInfo | undefined,
  level: AuditLevel,
  now: string,
): AuditEvent {
  const { principal, peer, headers } = request;
  const event: AuditEvent = {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level,
    auditID: crypto.randomUUID(),
    stage: "RequestReceived",
    requestURI: request.url,
    verb: info?.verb ?? request.method.toLowerCase(),
    user: principal ? { ...userInfoOf(principal) } : {},
    requestReceivedTimestamp: now,
    stageTimestamp: now,
  };
  if (peer?.address) event.sourceIPs = [peer.address];
  if (headers["user-agent"]) event.userAgent = headers["user-agent"].slice(0, userAgentLimit);
  if (info?.isResource) event.objectRef = referenceOf(info);
  return event;
}

export const impersonated = (principal: Principal): Record<string, unknown> => ({ ...userInfoOf(principal) });

function referenceOf(info: RequestInfo): ObjectReference {
  const reference: ObjectReference = { resource: info.resource };
  if (info.namespace) reference.namespace = info.namespace;
  if (info.name) reference.name = info.name;
  if (info.group) reference.apiGroup = info.group;
  reference.apiVersion = info.version;
  if (info.subresource) reference.subresource = info.subresource;
  return reference;
}

/** Only errors say more than their code. */
export function responseStatusOf({ status }: HttpResponse, object: unknown): Record<string, unknown> {
  if (status < 400) return { metadata: {}, code: status };
  const { kind, message, reason, details } = (object ?? {}) as Record<string, unknown>;
  if (kind !== "Status") return { metadata: {}, code: status };
  return { metadata: {}, status: "Failure", message, reason, details, code: status };
}

/** RFC 3339 with microseconds, as metav1.MicroTime. */
export function microTime(): string {
  const micros = Math.floor((performance.now() % 1) * 1000);
  return new Date().toISOString().replace("Z", `${String(micros).padStart(3, "0")}Z`);
}
