// Errors of a server: TensorFlow's canonical codes and the HTTP status that each one answers with.

/** Source: tensorflow_serving/util/net_http and the REST API's documentation. */
export const httpStatus = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const;

export type Code = keyof typeof httpStatus;

export class ServingError extends Error {
  readonly code: Code;
  /** HTTP status where it differs from the code's, such as 413. */
  readonly status: number;

  constructor(code: Code, message: string, status: number = httpStatus[code]) {
    super(message);
    this.name = "ServingError";
    this.code = code;
    this.status = status;
  }

  /** Wraps anything thrown. */
  static from(thrown: unknown): ServingError {
    if (thrown instanceof ServingError) return thrown;
    return new ServingError("INTERNAL", thrown instanceof Error ? thrown.message : String(thrown));
  }
}
