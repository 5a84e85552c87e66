import type { Handler, HttpRequest, HttpResponse, Principal } from "@capstan/base/http";
import { json, refuse } from "./answer.ts";
import { textOf } from "./body.ts";
import type { GatewayAccess } from "./prediction.ts";
import { maxTokenBytes, type Session, type Sessions } from "./session.ts";

/** Largest body of POST /login, bytes. */
const maxLoginBytes = 8192;

export interface LoginOptions {
  api: Handler;
  sessions: Sessions;
  /** Whether a one-time login was valid, which uses it up. */
  take(token: string): Promise<boolean>;
  /** Who a one-time login speaks for. */
  admin: Principal;
  /** Its port is read when it is told, since it may be chosen after the console was made. */
  gateway: GatewayAccess;
}

/** POST /login with `{oneTime}` or `{bearer}`: a session cookie and the key to be sent with it, or 401. */
export async function login(options: LoginOptions, request: HttpRequest): Promise<HttpResponse> {
  const body = readBody(request);
  if ("refused" in body) return body.refused;
  const { oneTime, bearer } = body.fields;
  if (typeof oneTime === "string") {
    if (!(await options.take(oneTime))) {
      const hint = "this login was used before or has expired: `capstan status` prints a new one";
      return refuse(401, "LoginUsed", hint);
    }
    return begin(options, { principal: options.admin });
  }
  if (typeof bearer !== "string" || bearer === "") return refuse(400, "BadRequest", "give oneTime or bearer");
  if (Buffer.byteLength(bearer) > maxTokenBytes) {
    return refuse(413, "TokenTooLong", `a bearer token has at most ${maxTokenBytes} bytes (maxTokenBytes)`);
  }
  const principal = await whoIs(options.api, bearer, request.signal);
  if (!principal) return refuse(401, "Unauthorized", "the cluster does not accept this token: it may have expired");
  return begin(options, { principal, token: bearer });
}

/** GET /session: whose it is, and how predictions are asked for. The token's file is the administrator's alone. */
export function describe(
  { principal: { name, groups }, token }: Pick<Session, "principal" | "token">,
  gateway: GatewayAccess,
) {
  const file = token === undefined && gateway.tokenFile ? { tokenFile: gateway.tokenFile } : {};
  return { user: name, groups, gateway: `http://127.0.0.1:${gateway.port}`, ...file };
}

function begin({ sessions, gateway }: LoginOptions, about: Pick<Session, "principal" | "token">): HttpResponse {
  const { cookie, key } = sessions.begin(about);
  return json(200, { ...describe(about, gateway), key }, { "set-cookie": cookie });
}

/** Asks the API itself whose token it is. Source: authentication.k8s.io/v1 SelfSubjectReview. */
async function whoIs(api: Handler, token: string, signal: AbortSignal): Promise<Principal | undefined> {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const answer = await api({
    method: "POST",
    url: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "application/json" },
    body: Buffer.from(JSON.stringify(review)),
    signal,
  });
  const text = await textOf(answer);
  if (answer.status === 401 || answer.status === 403) return undefined;
  if (answer.status >= 400) throw new Error(`the API answered ${answer.status} to a SelfSubjectReview`);
  const { username, groups } = JSON.parse(text).status.userInfo as { username: string; groups?: string[] };
  return { name: username, groups: groups ?? [] };
}

function readBody(request: HttpRequest): { fields: Record<string, unknown> } | { refused: HttpResponse } {
  const bytes = request.body ?? new Uint8Array();
  if (bytes.byteLength > maxLoginBytes) {
    return { refused: refuse(413, "TooLarge", `a login has at most ${maxLoginBytes} bytes (maxLoginBytes)`) };
  }
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null) return { fields: value as Record<string, unknown> };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { refused: refuse(400, "BadRequest", "the body is a JSON object") };
}
