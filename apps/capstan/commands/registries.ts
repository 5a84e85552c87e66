import { resolve } from "node:path";
import { messageOf } from "@capstan/base/errors";
import { type RegistryOptions, readDockerConfig } from "@capstan/core/runtime";
import { UsageError } from "./usage.ts";

const hostPattern = /^(\*|[a-zA-Z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?)$/;

/** `--registry-mirror REGISTRY=URL` and `--insecure-registry HOST[:PORT]`, each any number of times. */
export function readRegistries(mirrors: string[] = [], insecure: string[] = [], config?: string): RegistryOptions {
  const found: Record<string, string[]> = {};
  for (const text of mirrors) {
    const refuse = (why: string) =>
      new UsageError("up", `--registry-mirror ${text}: ${why}, such as docker.io=http://10.0.0.1:5000`);
    const equal = text.indexOf("=");
    const [registry, url] = [text.slice(0, equal), text.slice(equal + 1)];
    if (equal < 1 || !hostPattern.test(registry)) throw refuse("takes REGISTRY=URL");
    if (!URL.canParse(url) || !/^https?:\/\//.test(url)) throw refuse("the mirror must be an http or https URL");
    const { username, password, search, hash } = new URL(url);
    if (username || password || search || hash) throw refuse("the URL must be a server's, with perhaps a path");
    found[registry] = [...(found[registry] ?? []), url];
  }
  for (const host of insecure) {
    if (hostPattern.test(host) && host !== "*") continue;
    throw new UsageError("up", `--insecure-registry ${host}: takes HOST or HOST:PORT, such as registry.lan:5000`);
  }
  return { mirrors: found, insecure, ...(config === undefined ? {} : { configFile: checkConfig(resolve(config)) }) };
}

/** Nodes read it themselves, for each pull. */
function checkConfig(file: string): string {
  try {
    readDockerConfig(file);
    return file;
  } catch (error) {
    throw new UsageError("up", `--registry-config ${messageOf(error)}`);
  }
}
