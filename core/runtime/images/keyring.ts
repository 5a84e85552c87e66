// Which credentials are meant for an image. Source: Kubernetes' documentation of config.json in imagePullSecrets.
import { readFileSync, statSync } from "node:fs";
import type { AuthConfig } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import { parseReference, type Reference } from "./reference.ts";

/** Credentials by the registries, or parts of them, that they are for. */
export type Keyring = Map<string, AuthConfig>;

const sizeLimit = 1 << 20;

/** A Secret's key that holds credentials. */
export type DockerConfigKey = ".dockerconfigjson" | ".dockercfg";

/** What `docker login` has written. @throws RuntimeError */
export function readDockerConfig(path: string): Keyring {
  const { size } = statSync(path);
  if (size > sizeLimit) throw new RuntimeError("InvalidArgument", `${path} is larger than ${sizeLimit} bytes`);
  const text = readFileSync(path, "utf8");
  const helper = /"(credsStore|credHelpers)"/.exec(text)?.[1];
  if (helper) {
    const help = "programs that keep credentials are not supported: log in without them";
    throw new RuntimeError("Unsupported", `${path}: ${helper}: ${help}`);
  }
  try {
    return parseDockerConfig(".dockerconfigjson", text);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw new RuntimeError(error.code, error.message.replace(".dockerconfigjson", path));
  }
}

/** @throws RuntimeError InvalidArgument; its message holds nothing of the content. */
export function parseDockerConfig(key: DockerConfigKey, text: string): Keyring {
  const refuse = (what: string) => new RuntimeError("InvalidArgument", `${key}: ${what}`);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw refuse("not JSON");
  }
  const entries = key === ".dockercfg" ? content : isRecord(content) ? (content.auths ?? {}) : undefined;
  if (!isRecord(entries)) throw refuse(key === ".dockercfg" ? "not an object" : "auths is not an object");
  const keyring: Keyring = new Map();
  for (const [registry, entry] of Object.entries(entries)) {
    if (!isRecord(entry)) throw refuse("an entry is not an object");
    const word = (name: string) => {
      const value = entry[name];
      if (value === undefined || typeof value === "string") return value;
      throw refuse(`${name} is not a string`);
    };
    const place = placeOf(registry);
    keyring.set(place, {
      serverAddress: place.split("/")[0],
      username: word("username"),
      password: word("password"),
      auth: word("auth"),
      identityToken: word("identitytoken"),
      registryToken: word("registrytoken"),
    });
  }
  return keyring;
}

/** What fits an image, the most special first. */
export function credentialsFor(
  image: string | Pick<Reference, "registry" | "repository">,
  keyrings: Keyring[],
): AuthConfig[] {
  const { registry, repository } = typeof image === "string" ? parseReference(image) : image;
  const found = keyrings.flatMap((keyring) => [...keyring].filter(([place]) => fits(place, registry, repository)));
  return found.sort(([a], [b]) => b.length - a.length).map(([, auth]) => auth);
}

/** `https://index.docker.io/v1/` and `host/path` alike become `host` or `host/path`. */
function placeOf(key: string): string {
  const [host = "", ...path] = key.replace(/^https?:\/\//, "").split("/");
  const rest = path
    .join("/")
    .replace(/^v[12](\/|$)/, "")
    .replace(/\/+$/, "");
  return rest === "" ? host : `${host}/${rest}`;
}

function fits(place: string, registry: string, repository: string): boolean {
  const slash = place.indexOf("/");
  const host = slash < 0 ? place : place.slice(0, slash);
  const path = slash < 0 ? "" : place.slice(slash + 1);
  const hub = registry === "docker.io" && ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(host);
  return (hub || hostFits(host, registry)) && `${repository}/`.startsWith(path);
}

/** Each part between dots may have `*`; a port has to be the same. */
function hostFits(pattern: string, registry: string): boolean {
  const [host = "", port = ""] = registry.split(/:(?=\d+$)/);
  const [wanted = "", wantedPort = ""] = pattern.split(/:(?=\d+$)/);
  const [parts, wantedParts] = [host.split("."), wanted.split(".")];
  if (port !== wantedPort || parts.length !== wantedParts.length) return false;
  return wantedParts.every((part, at) => {
    const words = part.split("*").map((word) => word.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${words.join(".*")}$`).test(parts[at] as string);
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
