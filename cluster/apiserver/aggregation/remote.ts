// Requests for groups that another server in the cluster answers. Source: kube-aggregator's proxyHandler.
import type { APIService } from "@capstan/api/generated/apiregistration-v1";
import { Services } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { HttpRequest, HttpResponse, Principal } from "@capstan/base/http";
import { createTransport } from "@capstan/core/wire";
import type { View } from "../request.ts";
import { pickEndpoint } from "../service-endpoint.ts";
import { forwardable, returnable } from "../streams/headers.ts";

/** Who this server is to the servers behind it, and what they are told of who its clients are. PEM. */
export interface FrontProxy {
  /** Certificate of the common name `front-proxy-client`. */
  cert: string;
  key: string;
  /** The authority that signed it, and no client of the API. */
  ca: string;
  /** The authority of the API's clients. */
  clientCa: string;
}

const identity = /^x-remote-(user|group|uid|extra-.*)$/;

/** Sends a request on as its user. Throws ServiceUnavailable when nothing answers. */
export async function forwardRemote(
  view: View,
  service: APIService,
  request: HttpRequest,
  { principal, front }: { principal: Principal; front: FrontProxy | undefined },
): Promise<HttpResponse> {
  const transport = createTransport({
    ...targetOf(view, service),
    ...(front ? { cert: front.cert, key: front.key } : {}),
    repeated: identityHeaders(principal),
  });
  const headers = Object.fromEntries(
    Object.entries(forwardable(request.headers)).filter(([name]) => !identity.test(name) && name !== "x-forwarded-for"),
  );
  if (!headers.upgrade) headers.connection = "close";
  const { method, url, body, signal } = request;
  try {
    const answer = await transport.handler({ method, url, headers, ...(body ? { body } : {}), signal });
    return answer.status === 101 ? answer : { ...answer, headers: returnable(answer.headers) };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    throw new StatusError("ServiceUnavailable", `error trying to reach service: ${messageOf(thrown)}`);
  }
}

function targetOf(view: View, { spec }: APIService) {
  const { name = "", namespace = "", port = 443 } = spec?.service ?? {};
  const found = view.get(Services, { namespace, name });
  if (!found)
    throw new StatusError("ServiceUnavailable", `service ${JSON.stringify(`${namespace}/${name}`)} not found`);
  const trust = spec?.insecureSkipTLSVerify
    ? { insecure: true }
    : { ...(spec?.caBundle ? { ca: Buffer.from(spec.caBundle, "base64").toString() } : {}) };
  const serverName = `${name}.${namespace}.svc`;
  if (found.spec.type === "ExternalName") {
    return { server: `https://${found.spec.externalName}:${port}`, serverName, ...trust };
  }
  const { address, port: number } = pickEndpoint(view, found, String(port));
  return { server: `https://${address.includes(":") ? `[${address}]` : address}:${number}`, serverName, ...trust };
}

/** Source: apiserver's authentication/request/headerrequest. Keys of extras are percent-encoded. */
export function identityHeaders({ name, uid, groups, extra = {} }: Principal): Record<string, string[]> {
  const headers: Record<string, string[]> = { "x-remote-user": [name], "x-remote-group": groups };
  if (uid) headers["x-remote-uid"] = [uid];
  for (const [key, values] of Object.entries(extra)) headers[`x-remote-extra-${escapeKey(key)}`] = values;
  return headers;
}

const escapeKey = (key: string) =>
  key.replace(/[^a-zA-Z0-9!#$&'*+\-.^_`|~]/g, (character) => encodeURIComponent(character)).toLowerCase();

/** How a server behind this one knows it: `extension-apiserver-authentication` of kube-system. */
export function frontProxyData({ ca, clientCa }: FrontProxy): Record<string, string> {
  return {
    "client-ca-file": clientCa,
    "requestheader-client-ca-file": ca,
    "requestheader-allowed-names": JSON.stringify(["front-proxy-client"]),
    "requestheader-username-headers": JSON.stringify(["X-Remote-User"]),
    "requestheader-uid-headers": JSON.stringify(["X-Remote-Uid"]),
    "requestheader-group-headers": JSON.stringify(["X-Remote-Group"]),
    "requestheader-extra-headers-prefix": JSON.stringify(["X-Remote-Extra-"]),
  };
}
