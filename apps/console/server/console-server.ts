// The console's server: one Handler that serves the app, keeps the login, and speaks to the API as the user.
import type { Duplex } from "node:stream";
import type { Handler, HttpRequest, HttpResponse, Principal } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import { writeRaw } from "@capstan/core/wire";
import { json, refuse } from "./answer.ts";
import { forwardToApi } from "./api-proxy.ts";
import { consoleHeader, guarded, refusal } from "./guard.ts";
import { describe, login } from "./login.ts";
import { takeOneTimeLogin } from "./one-time-login.ts";
import { forwardToModel, type GatewayAccess } from "./prediction.ts";
import { createSessions, type Session } from "./session.ts";
import { createStaticFiles } from "./static-files.ts";
import { serveStreams, streamKey } from "./streams.ts";

/** Half a day: a working day without a second login. */
const sessionLifetime = 12 * 3600_000;

export interface ConsoleServerOptions {
  /** The API server's handler: authenticates bearer tokens, trusts `principal` as all in-process callers are trusted. */
  api: Handler;
  gateway: GatewayAccess;
  /** At least 32 bytes: see loadConsoleSecret. */
  secret: Uint8Array;
  /** Where one-time logins are kept: see createOneTimeLogin. */
  dataDir: string;
  /** Directory of the built browser app. */
  dist: string;
  log: Logger;
  /** Who a one-time login speaks for; the cluster's administrator when absent. */
  admin?: Principal;
  /** Names beside the loopback ones that browsers may call it by, such as "console.example:8443". */
  hosts?: string[];
}

/** Give both to core/wire's serve. */
export interface ConsoleServer {
  handler: Handler;
  /** The WebSocket that carries watches and logs. */
  upgrade(request: HttpRequest, socket: Duplex, head: Uint8Array): Promise<void>;
}

export function createConsoleServer(options: ConsoleServerOptions): ConsoleServer {
  const { api, gateway, dataDir, log } = options;
  const sessions = createSessions({ secret: options.secret, lifetime: sessionLifetime });
  const files = createStaticFiles(options.dist);
  const admin = options.admin ?? { name: "admin", groups: ["system:masters", "system:authenticated"] };
  const loginOptions = { api, sessions, admin, gateway, take: (token: string) => takeOneTimeLogin(dataDir, token) };

  const known = async (session: Session, path: string, request: HttpRequest): Promise<HttpResponse> => {
    if (path === "/session") return json(200, describe(session, gateway));
    if (path.startsWith("/predict/")) return forwardToModel(api, gateway, session, request);
    return forwardToApi(api, session, request.url.slice("/k8s".length), request);
  };

  const route: Handler = async (request) => {
    const path = request.url.split("?", 1)[0] as string;
    const session = sessions.proved(request, request.headers[consoleHeader]);
    if (path === "/login" && request.method === "POST") return login(loginOptions, request);
    if (path === "/logout" && request.method === "POST") {
      return json(200, {}, { "set-cookie": sessions.end(session) });
    }
    if (path === "/session" || path.startsWith("/k8s/") || path.startsWith("/predict/")) {
      return session ? known(session, path, request) : refuse(401, "Unauthorized", "log in first");
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refuse(405, "MethodNotAllowed", `${request.method} is not for ${path}`);
    }
    const file = await files.file(path);
    if (file) return file;
    if (path.startsWith("/assets/")) return refuse(404, "NotFound", `no file ${path} in this version of the console`);
    if (path === "/login" || sessions.of(request)) return files.page();
    return {
      status: 302,
      headers: { location: `/login?next=${encodeURIComponent(request.url)}`, "cache-control": "no-store" },
    };
  };

  const handler = guarded(options.hosts)(async (request) => {
    try {
      return await route(request);
    } catch (error) {
      if (request.signal.aborted) return refuse(499, "Gone", "the caller went away");
      log.error("console request failed", { path: request.url.split("?", 1)[0], error });
      return refuse(500, "InternalError", "the console failed; its log says why");
    }
  });
  return {
    handler,
    async upgrade(request, socket, head) {
      const refused = refusal(request, options.hosts ?? []) ?? refuseStream(request);
      const session = sessions.proved(request, streamKey(request));
      if (refused) return writeRaw(socket, refused);
      if (!session) return writeRaw(socket, refuse(401, "Unauthorized", "log in first"));
      await serveStreams(api, session, request, socket, head);
    },
  };
}

/** A page of any origin may open a WebSocket, so that its Origin has to be there and to be this one. */
function refuseStream(request: HttpRequest): HttpResponse | undefined {
  if (request.url !== "/streams") return refuse(404, "NotFound", "streams are at /streams");
  if (request.headers.origin === undefined) return refuse(403, "CrossSite", "a stream says which page opens it");
  return undefined;
}
