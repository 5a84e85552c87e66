import type { StatusCause, StatusDetails } from "../generated/meta-v1.ts";

/** Every reason that the API answers with, and its HTTP code. Clients branch on the reason. Source: apimachinery's metav1.StatusReason. */
export const reasons = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  /** No reason at all, on the wire. */
  Unknown: 500,
  InternalError: 500,
  NotImplemented: 501,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 504,
} as const;

export type Reason = keyof typeof reasons;

/** The body of an unsuccessful answer. */
export interface Status {
  apiVersion: "v1";
  kind: "Status";
  metadata: Record<string, never>;
  status: "Failure" | "Success";
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

/** The one error type of the API: thrown by servers, and by clients for any unsuccessful answer. */
export class StatusError extends Error {
  readonly reason: Reason;
  readonly code: number;
  readonly details: StatusDetails | undefined;

  constructor(reason: Reason, message: string, details?: StatusDetails, code: number = reasons[reason]) {
    super(message);
    this.name = "StatusError";
    this.reason = reason;
    this.code = code;
    this.details = details;
  }

  /** Wraps anything thrown. */
  static from(thrown: unknown): StatusError {
    if (thrown instanceof StatusError) return thrown;
    return new StatusError("InternalError", thrown instanceof Error ? thrown.message : String(thrown));
  }

  toStatus(): Status {
    const { message, reason, details, code } = this;
    const shown = details && Object.fromEntries(Object.entries(details).filter(([, value]) => value !== ""));
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      ...(reason === "Unknown" ? {} : { reason }),
      ...(shown ? { details: shown } : {}),
      code,
    };
  }
}

export function isReason(thrown: unknown, ...wanted: Reason[]): thrown is StatusError {
  return thrown instanceof StatusError && wanted.includes(thrown.reason);
}

const qualified = (resource: { group: string; resource: string }) =>
  resource.group === "" ? resource.resource : `${resource.resource}.${resource.group}`;

export function notFound(resource: { group: string; resource: string }, name: string): StatusError {
  const details = { name, group: resource.group, kind: resource.resource };
  return new StatusError("NotFound", `${qualified(resource)} "${name}" not found`, details);
}

export function alreadyExists(resource: { group: string; resource: string }, name: string): StatusError {
  const details = { name, group: resource.group, kind: resource.resource };
  return new StatusError("AlreadyExists", `${qualified(resource)} "${name}" already exists`, details);
}

/** @param causes one for each wrong field: `field` is its path, `reason` such as FieldValueInvalid. */
export function invalid(kind: { group: string; kind: string }, name: string, causes: StatusCause[]): StatusError {
  const of = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  const lines = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const text = lines.length === 1 ? lines[0] : `[${lines.join(", ")}]`;
  return new StatusError("Invalid", `${of} "${name}" is invalid: ${text}`, { name, ...kind, causes });
}
