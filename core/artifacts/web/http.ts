// Any server of HTTP, and Artifactory, which is one that asks for a name and a password.
import type { ArtifactoryArtifact, BasicAuth, HttpArtifact } from "@capstan/api/kinds/workflow";
import { createGuard } from "../guard.ts";
import { readSecret, type StoreResources } from "../resources.ts";
import { type ArtifactStore, StoreError } from "../store.ts";
import { basicAuth, readJson, request } from "./request.ts";
import { createWebStore } from "./web-store.ts";

type Headers = Record<string, string>;

/** @throws StoreError naming a Secret and its key that are missing. */
export async function openHttp(
  http: HttpArtifact,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<ArtifactStore> {
  const { basicAuth: basic, clientCert } = http.auth ?? {};
  const own: Headers = Object.fromEntries((http.headers ?? []).map(({ name, value }) => [name, value]));
  const login = await loginOf(basic, resources, "http.auth.basicAuth");
  const cert = await readSecret(resources, clientCert?.clientCertSecret, "http.auth.clientCert.clientCertSecret");
  const key = await readSecret(resources, clientCert?.clientKeySecret, "http.auth.clientCert.clientKeySecret");
  const token = await clientToken(http, resources, signal);
  return createWebStore({
    store: "http",
    guard: createGuard(resources),
    signal,
    ...(cert && key ? { tls: { cert, key } } : {}),
    headers: async () => ({ ...own, ...login, ...(token ? { authorization: `Bearer ${await token()}` } : {}) }),
    canDelete: false,
  });
}

export async function openArtifactory(
  artifactory: ArtifactoryArtifact,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<ArtifactStore> {
  const login = await loginOf(artifactory, resources, "artifactory");
  return createWebStore({
    store: "artifactory",
    guard: createGuard(resources),
    signal,
    headers: async () => login,
    canDelete: true,
  });
}

async function loginOf(auth: BasicAuth | undefined, resources: StoreResources, at: string): Promise<Headers> {
  const user = await readSecret(resources, auth?.usernameSecret, `${at}.usernameSecret`);
  const password = await readSecret(resources, auth?.passwordSecret, `${at}.passwordSecret`);
  return user === undefined && password === undefined ? {} : basicAuth(user ?? "", password ?? "");
}

/** The client's own token. Source: RFC 6749, section 4.4. */
async function clientToken(
  { auth }: HttpArtifact,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<(() => Promise<string>) | undefined> {
  const { oauth2 } = auth ?? {};
  if (!oauth2) return undefined;
  const at = "http.auth.oauth2";
  const url = await readSecret(resources, oauth2.tokenURLSecret, `${at}.tokenURLSecret`);
  const id = await readSecret(resources, oauth2.clientIDSecret, `${at}.clientIDSecret`);
  const secret = await readSecret(resources, oauth2.clientSecretSecret, `${at}.clientSecretSecret`);
  if (!url && !id) return undefined;
  if (!url) throw new StoreError(`${at}.tokenURLSecret is required`);
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (oauth2.scopes?.length) form.set("scope", oauth2.scopes.join(" "));
  for (const { key, value = "" } of oauth2.endpointParams ?? []) form.append(key, value);
  const headers = { "content-type": "application/x-www-form-urlencoded", ...basicAuth(id ?? "", secret ?? "") };
  let token: Promise<string> | undefined;
  const guard = createGuard(resources);
  const ask = async () => {
    const answer = await readJson(
      await request(url, { method: "POST", headers, body: form.toString(), signal, guard, store: at }),
    );
    const { access_token: value } = answer as { access_token?: string };
    if (!value) throw new StoreError(`${at}: the answer of the token server has no access_token`);
    return value;
  };
  return () => {
    token ??= ask();
    return token;
  };
}
