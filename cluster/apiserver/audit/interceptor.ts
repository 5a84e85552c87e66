// Records requests on their way through: outside of authentication those that it refuses, inside of it all others.
import type { Handler, HttpRequest, HttpResponse, Interceptor } from "@capstan/base/http";
import { isSwitched } from "@capstan/core/wire";
import { readImpersonated } from "../authorization/impersonation.ts";
import type { ExtensionFactory, RequestInfo } from "../request.ts";
import { requestInfoOf } from "../request-info.ts";
import { brokenBy, withAnnotator } from "./annotations.ts";
import { dropManagedFields, isConfidential, requestObjectOf, responseObjectOf } from "./bodies.ts";
import { type AuditEvent, eventOf, impersonated, microTime, type ObjectReference, responseStatusOf } from "./event.ts";
import type { AuditDecision, AuditPolicy, AuditStage } from "./policy.ts";

export interface AuditOptions {
  policy: AuditPolicy;
  /** Keeps an event; called in the order in which things happened. */
  write(event: AuditEvent): void;
}

/** Two extensions: the first stands before authentication, the second right after it. */
export interface Audit {
  outer: ExtensionFactory;
  inner: ExtensionFactory;
}

/** Says on a request that somebody was found behind it; copied along with the request. */
const identified = Symbol("identified");
type Marked = HttpRequest & { [identified]?: () => void };

export function createAudit(options: AuditOptions): Audit {
  const outer: Interceptor = (next) => async (request) => {
    let isIdentified = false;
    const received = microTime();
    const marked: Marked = {
      ...request,
      [identified]: () => {
        isIdentified = true;
      },
    };
    const response = await next(marked);
    if (!isIdentified && response.status === 401) recordRefused(options, request, response, received);
    return response;
  };
  const inner: Interceptor = (next) => (request) => {
    (request as Marked)[identified]?.();
    return record(options, next, request);
  };
  return { outer: () => ({ interceptors: [outer] }), inner: () => ({ interceptors: [inner] }) };
}

/** Source: apiserver's WithFailedAuthenticationAudit. */
function recordRefused({ policy, write }: AuditOptions, request: HttpRequest, response: HttpResponse, at: string) {
  const info = infoOf(request);
  const decision = decide(policy, request, info);
  if (decision.level === "None" || decision.omitStages.includes("ResponseStarted")) return;
  const event = eventOf(request, info, decision.level, at);
  event.stage = "ResponseStarted";
  event.stageTimestamp = microTime();
  event.responseStatus = responseStatusOf(response, responseObjectOf(response));
  write(event);
}

/** Undefined for a path that the server will refuse. */
function infoOf({ method, url }: HttpRequest): RequestInfo | undefined {
  try {
    return requestInfoOf(method, url);
  } catch {
    return undefined;
  }
}

const unknown: RequestInfo = {
  isResource: false,
  verb: "",
  path: "",
  query: new URLSearchParams(),
  group: "",
  version: "",
  resource: "",
  subresource: "",
  namespace: "",
  name: "",
  rest: "",
};

function decide(policy: AuditPolicy, { principal, url, method }: HttpRequest, info: RequestInfo | undefined) {
  const decision = policy(
    principal,
    info ?? { ...unknown, verb: method.toLowerCase(), path: url.split("?", 1)[0] ?? "" },
  );
  const bodies = decision.level === "Request" || decision.level === "RequestResponse";
  return bodies && info && isConfidential(info) ? { ...decision, level: "Metadata" as const } : decision;
}

async function record({ policy, write }: AuditOptions, next: Handler, request: HttpRequest): Promise<HttpResponse> {
  const received = microTime();
  const info = infoOf(request);
  const decision = decide(policy, request, info);
  const { level } = decision;
  if (level === "None") return next(request);
  const event = eventOf(request, info, level, received);
  const tell = (stage: AuditStage, more: Partial<AuditEvent> = {}) => {
    if (decision.omitStages.includes(stage)) return;
    write({ ...event, stage, stageTimestamp: stage === "RequestReceived" ? received : microTime(), ...more });
  };
  const other = readImpersonated(request.headers);
  if (other) event.impersonatedUser = impersonated(other);
  tell("RequestReceived");
  if (level !== "Metadata" && request.body) {
    event.requestObject = clean(await requestObjectOf(request), decision);
  }
  const response = await next(
    withAnnotator(request, (key, value) => {
      event.annotations ??= {};
      event.annotations[key] ??= value;
    }),
  );
  const broken = brokenBy(response);
  if (broken !== undefined) {
    const message = `APIServer panic'd: ${broken}`;
    event.responseStatus = { metadata: {}, status: "Failure", message, reason: "InternalError", code: 500 };
    tell("Panic");
    return response;
  }
  return complete({ event, info, decision, tell, signal: request.signal }, response);
}

const clean = (value: unknown, { omitManagedFields }: AuditDecision) =>
  omitManagedFields ? dropManagedFields(value) : value;

/** Source: apiserver's BasicLongRunningRequestCheck. */
const longRunning = new Set(["attach", "exec", "proxy", "log", "portforward"]);

interface Recording {
  event: AuditEvent;
  info: RequestInfo | undefined;
  decision: AuditDecision;
  tell(stage: AuditStage, more?: Partial<AuditEvent>): void;
  /** Aborts when the caller goes away. */
  signal: AbortSignal;
}

function complete({ event, info, decision, tell, signal }: Recording, response: HttpResponse): HttpResponse {
  const needsObject =
    response.status >= 400 || decision.level === "RequestResponse" || (info?.verb === "create" && !info.name);
  const object = needsObject ? responseObjectOf(response) : undefined;
  // A refusal of a secret may quote it.
  event.responseStatus = responseStatusOf(response, info && isConfidential(info) ? undefined : object);
  if (event.objectRef && info?.verb === "create" && response.status < 300) adoptName(event.objectRef, object);
  const finish = () =>
    tell("ResponseComplete", decision.level === "RequestResponse" ? { responseObject: clean(object, decision) } : {});
  if (!info || (info.verb !== "watch" && !longRunning.has(info.subresource))) {
    finish();
    return response;
  }
  tell("ResponseStarted");
  if (isSwitched(response)) {
    response.connection.socket.once("close", finish);
    return response;
  }
  const { body } = response;
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    finish();
    return response;
  }
  return { ...response, body: untilEnd(body, finish, signal) };
}

/** A create's reference names what was made. */
function adoptName(reference: ObjectReference, object: unknown): void {
  const { metadata } = (object ?? {}) as { metadata?: { name?: string; uid?: string; resourceVersion?: string } };
  if (!metadata?.name) return;
  reference.name = metadata.name;
  if (metadata.uid) reference.uid = metadata.uid;
  if (metadata.resourceVersion) reference.resourceVersion = metadata.resourceVersion;
}

/** A stream ends when it is read to its end or left, or when its client goes away without having read at all. */
function untilEnd(body: AsyncIterable<Uint8Array>, finish: () => void, signal: AbortSignal): AsyncIterable<Uint8Array> {
  let ended = false;
  const end = () => {
    signal.removeEventListener("abort", end);
    if (!ended) finish();
    ended = true;
  };
  signal.addEventListener("abort", end, { once: true });
  return {
    async *[Symbol.asyncIterator]() {
      try {
        yield* body;
      } finally {
        end();
      }
    },
  };
}
