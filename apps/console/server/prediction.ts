// The try-it form's way to a model: through the gateway, as curl would go, with the rights of the session's user.
import type { Handler, HttpRequest, HttpResponse } from "@capstan/base/http";
import { http } from "@capstan/core/wire";
import { refuse } from "./answer.ts";
import { asUser } from "./api-proxy.ts";
import { textOf } from "./body.ts";
import type { Session } from "./session.ts";

export interface GatewayAccess {
  /** Port of the gateway on loopback; read at each request. */
  readonly port: number;
  /** A bearer token the gateway accepts, for sessions that have none of their own. */
  token(): Promise<string>;
  /** Where that token stands for the administrator's own use, to be named in the curl line. */
  tokenFile?: string;
}

const route = /^\/predict\/([a-z0-9-]+)\/([a-z0-9.-]+)(\/.*)$/;
const dataPath = /^\/(v1\/models|v2)(\/|$)/;

/** `/predict/<namespace>/<name>/v1/models/…` → the InferenceService of that name. */
export async function forwardToModel(api: Handler, gateway: GatewayAccess, session: Session, request: HttpRequest) {
  const [path = "", query] = request.url.split("?", 2);
  const [, namespace = "", name = "", rest = ""] = route.exec(path) ?? [];
  if (!dataPath.test(rest)) return refuse(404, "NotFound", "ask /predict/<namespace>/<name>/v1/models/<name>:predict");
  const object = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices/${name}`;
  const asked = await api(asUser(session, { method: "GET", url: object, signal: request.signal }));
  const text = await textOf(asked);
  // The user's own `get` on the InferenceService is exactly what the gateway asks of a bearer.
  if (asked.status >= 400) return { status: asked.status, headers: { "content-type": "application/json" }, body: text };
  const url = (JSON.parse(text) as { status?: { url?: string } }).status?.url;
  if (!url) return refuse(503, "NotReady", `InferenceService ${namespace}/${name} has no address yet`);
  const headers: Record<string, string> = {
    host: new URL(url).host,
    authorization: `Bearer ${session.token ?? (await gateway.token())}`,
    accept: "application/json",
    "content-type": request.headers["content-type"] ?? "application/json",
    "content-length": String(request.body?.byteLength ?? 0),
  };
  return send(gateway.port, request, query ? `${rest}?${query}` : rest, headers);
}

function send(
  port: number,
  request: HttpRequest,
  path: string,
  headers: Record<string, string>,
): Promise<HttpResponse> {
  return new Promise((resolve) => {
    const { method, signal, body } = request;
    const out = http.request({ host: "127.0.0.1", port, path, method, headers, signal }, (incoming) => {
      resolve({
        status: incoming.statusCode ?? 502,
        headers: {
          "content-type": incoming.headers["content-type"] ?? "application/json",
          "content-security-policy": "default-src 'none'; sandbox",
          "cache-control": "no-store",
        },
        body: incoming,
      });
    });
    out.on("error", (error) =>
      resolve(refuse(502, "GatewayUnreachable", `the gateway did not answer: ${error.message}`)),
    );
    out.end(body);
  });
}
