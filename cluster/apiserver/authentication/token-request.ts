import type { TokenRequest } from "@capstan/api/generated/authentication-v1";
import { Nodes, Pods, Secrets, ServiceAccounts } from "@capstan/api/generated/resources";
import { invalid, type KubeObject, notFound, type Resource, StatusError } from "@capstan/api/meta";
import type { Endpoint, EndpointCall, View } from "../request.ts";
import type { Binding, ServiceAccountTokens } from "./service-account-token.ts";

export interface TokenRequestOptions {
  view: View;
  tokens: ServiceAccountTokens;
  /** Audiences of a request that names none. */
  audiences: readonly string[];
}

// Seconds. Source: kubernetes/pkg/apis/authentication: default, and the bounds of its validation.
const defaultLifetime = 3600;
const shortest = 600;
const longest = 2 ** 32;

/** `serviceaccounts/token`: mints a token for an account, bound to a pod, secret or node if asked. */
export function createTokenRequestEndpoint(options: TokenRequestOptions): Endpoint {
  return {
    group: "",
    version: "v1",
    resource: "serviceaccounts",
    subresource: "token",
    create: async (call) => mint(options, call),
  };
}

async function mint({ view, tokens, audiences }: TokenRequestOptions, { info, object }: EndpointCall): Promise<object> {
  const request = object as TokenRequest | undefined;
  const { namespace, name } = info;
  const account = view.get(ServiceAccounts, { namespace, name });
  if (!account) throw notFound(ServiceAccounts, name);
  const lifetime = request?.spec?.expirationSeconds ?? defaultLifetime;
  const wrong =
    lifetime < shortest
      ? "may not specify a duration less than 10 minutes"
      : lifetime > longest
        ? "may not specify a duration larger than 2^32 seconds"
        : undefined;
  if (wrong) {
    const cause = {
      field: "spec.expirationSeconds",
      message: `Invalid value: ${lifetime}: ${wrong}`,
      reason: "FieldValueInvalid",
    };
    throw invalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, "", [cause]);
  }
  const asked = request?.spec?.audiences ?? [];
  const spec = { ...request?.spec, audiences: asked.length > 0 ? asked : [...audiences], expirationSeconds: lifetime };
  const binding = spec.boundObjectRef && bind(view, namespace, name, spec.boundObjectRef);
  const uid = account.metadata.uid ?? "";
  const { token, expires } = tokens.mint({ namespace, name, uid, audiences: spec.audiences, lifetime, binding });
  const expirationTimestamp = new Date(expires).toISOString().replace(".000Z", "Z");
  return {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: {
      name,
      namespace,
      uid: crypto.randomUUID(),
      creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    },
    spec,
    status: { token, expirationTimestamp },
  };
}

type Reference = NonNullable<TokenRequest["spec"]["boundObjectRef"]>;

function bind(view: View, namespace: string, account: string, reference: Reference): Binding {
  const { kind = "", name = "", uid, apiVersion = "" } = reference;
  const found = <T extends KubeObject>(resource: Resource<T>): T => {
    const object = view.get(resource, resource.namespaced ? { namespace, name } : { name });
    if (!object) throw notFound(resource, name);
    if (uid && object.metadata.uid !== uid) {
      const text = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
      throw new StatusError("Conflict", text, { name, kind: resource.resource, group: resource.group });
    }
    return object;
  };
  if (kind === "Pod") {
    const pod = found(Pods);
    if (pod.spec.serviceAccountName !== account) {
      throw new StatusError(
        "BadRequest",
        `cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`,
      );
    }
    const node = pod.spec.nodeName;
    const nodeUid = node ? view.get(Nodes, { name: node })?.metadata.uid : undefined;
    return { kind, name, uid: pod.metadata.uid ?? "", ...(node ? { node: { name: node, uid: nodeUid } } : {}) };
  }
  if (kind === "Secret") return { kind, name, uid: found(Secrets).metadata.uid ?? "" };
  if (kind === "Node") return { kind, name, uid: found(Nodes).metadata.uid ?? "" };
  const group = apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
  throw new StatusError("BadRequest", `cannot bind token to object of type ${group}, Kind=${kind}`);
}
