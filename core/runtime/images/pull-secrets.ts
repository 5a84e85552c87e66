import type { Pod, Secret } from "@capstan/api/generated/core-v1";
import { Secrets } from "@capstan/api/generated/resources";
import type { Client } from "../../client/index.ts";
import type { AuthConfig } from "../cri.ts";
import { credentialsFor, type DockerConfigKey, type Keyring, parseDockerConfig } from "./keyring.ts";

export interface PullSecrets {
  /** What fits the image, the most special first. */
  credentials: AuthConfig[];
  /** Names of those that are not there. */
  missing: string[];
}

const keyOf: Record<string, DockerConfigKey> = {
  "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
  "kubernetes.io/dockercfg": ".dockercfg",
};

/** Credentials of the pod's imagePullSecrets; those of its service account are among them since its admission. */
export async function readPullSecrets(
  client: Client,
  pod: Pick<Pod, "metadata" | "spec">,
  image: string,
): Promise<PullSecrets> {
  const namespace = pod.metadata.namespace ?? "";
  const keyrings: Keyring[] = [];
  const missing: string[] = [];
  for (const { name = "" } of pod.spec?.imagePullSecrets ?? []) {
    const secret = name === "" ? undefined : await client.find(Secrets, { namespace, name });
    if (secret) keyrings.push(keyringOf(secret));
    else missing.push(name);
  }
  return { credentials: credentialsFor(image, keyrings), missing };
}

/** Secrets of other types hold none. */
function keyringOf({ type = "", data = {}, metadata }: Secret): Keyring {
  const key = keyOf[type];
  const content = key && data[key];
  if (key === undefined || content === undefined) return new Map();
  try {
    return parseDockerConfig(key, Buffer.from(content, "base64").toString("utf8"));
  } catch (error) {
    throw new Error(`imagePullSecrets "${metadata.name}": ${(error as Error).message}`);
  }
}
