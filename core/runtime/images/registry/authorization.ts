// Answers registries' challenges. Source: distribution's specification of token authentication, and of OAuth2.
import type { AuthConfig } from "../../cri.ts";
import { RuntimeError } from "../../cri.ts";
import { parseChallenges } from "./challenge.ts";
import type { HttpClient } from "./http.ts";
import { isLoopback } from "./options.ts";

const tokenLimit = 1 << 20;

export interface Asker {
  http: HttpClient;
  /** The server that asks. */
  origin: string;
  insecure: boolean;
  repository: string;
  auth?: AuthConfig;
}

/** The Authorization header that answers a challenge; undefined when there is nothing to answer with. */
export async function answerChallenge(header: string, asker: Asker, signal?: AbortSignal): Promise<string | undefined> {
  const challenges = parseChallenges(header);
  const { auth = {} } = asker;
  if (auth.registryToken) return `Bearer ${auth.registryToken}`;
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  if (bearer) return `Bearer ${await fetchToken(bearer.parameters, asker, signal)}`;
  const pair = pairOf(auth);
  if (pair && challenges.some(({ scheme }) => scheme === "basic")) return basic(pair);
  return undefined;
}

async function fetchToken(parameters: Record<string, string>, asker: Asker, signal?: AbortSignal): Promise<string> {
  const { http, origin, repository, auth = {} } = asker;
  const { realm = "", service, scope = `repository:${repository}:pull` } = parameters;
  if (!URL.canParse(realm) || !/^https?:$/.test(new URL(realm).protocol))
    throw new RuntimeError("Failed", `${origin} names "${realm.slice(0, 200)}" to get a token from: that is no URL`);
  const url = new URL(realm);
  const pair = pairOf(auth);
  const near = url.protocol === "https:" || isLoopback(url.host) || url.hostname === new URL(origin).hostname;
  if ((pair || auth.identityToken) && !near) {
    throw new RuntimeError("Failed", `${origin} wants its password sent to ${url.origin}, which is not secure`);
  }
  const insecure = asker.insecure && url.hostname === new URL(origin).hostname;
  const common = { insecure, signal };
  if (auth.identityToken) {
    const form = { grant_type: "refresh_token", service: service ?? "", scope, client_id: "capstan" };
    const body = new URLSearchParams({ ...form, refresh_token: auth.identityToken }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return tokenOf(url, http, await http.send(url, { ...common, method: "POST", headers, body }));
  }
  if (service !== undefined) url.searchParams.set("service", service);
  for (const one of scope.split(" ")) url.searchParams.append("scope", one);
  if (pair) url.searchParams.set("account", pair.username);
  return tokenOf(url, http, await http.send(url, { ...common, headers: pair ? { authorization: basic(pair) } : {} }));
}

async function tokenOf(url: URL, http: HttpClient, answer: Awaited<ReturnType<HttpClient["send"]>>): Promise<string> {
  const text = (await http.read(answer, tokenLimit)).toString("utf8");
  if (answer.status !== 200) {
    throw new RuntimeError("Failed", `failed to authorize: ${url.origin} gives no token: status ${answer.status}`);
  }
  let body: { token?: unknown; access_token?: unknown };
  try {
    body = JSON.parse(text);
  } catch {
    throw new RuntimeError("Failed", `failed to authorize: ${url.origin} answers with what is not JSON`);
  }
  const token = body.token ?? body.access_token;
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new RuntimeError("Failed", `failed to authorize: ${url.origin} answers without a token`);
}

interface Pair {
  username: string;
  password: string;
}

function pairOf({ username, password, auth }: AuthConfig): Pair | undefined {
  if (username) return { username, password: password ?? "" };
  if (!auth) return undefined;
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 1
    ? undefined
    : { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

const basic = ({ username, password }: Pair) => `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
