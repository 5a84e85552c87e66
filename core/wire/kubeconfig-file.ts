import { randomUUID } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";

export interface KubeconfigOptions {
  /** Name of the cluster and of the context. */
  name: string;
  /** `https://127.0.0.1:6443` */
  server: string;
  /** PEM. */
  ca: string;
  user: { name: string; cert: string; key: string } | { name: string; token: string };
  namespace?: string;
}

/** A kubeconfig with everything in it, as YAML. It holds a secret. */
export function formatKubeconfig({ name, server, ca, user, namespace = "default" }: KubeconfigOptions): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const credentials =
    "token" in user
      ? [`    token: ${JSON.stringify(user.token)}`]
      : [`    client-certificate-data: ${base64(user.cert)}`, `    client-key-data: ${base64(user.key)}`];
  // JSON strings are YAML strings.
  const [context, userName] = [JSON.stringify(name), JSON.stringify(user.name)];
  return [
    "apiVersion: v1",
    "kind: Config",
    "clusters:",
    `- name: ${context}`,
    "  cluster:",
    `    server: ${JSON.stringify(server)}`,
    `    certificate-authority-data: ${base64(ca)}`,
    "users:",
    `- name: ${userName}`,
    "  user:",
    ...credentials,
    "contexts:",
    `- name: ${context}`,
    "  context:",
    `    cluster: ${context}`,
    `    user: ${userName}`,
    `    namespace: ${JSON.stringify(namespace)}`,
    `current-context: ${context}`,
    "",
  ].join("\n");
}

/** Writes a kubeconfig that only its owner can read, whole or not at all. */
export async function writeKubeconfig(path: string, options: KubeconfigOptions): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, formatKubeconfig(options), { mode: 0o600, flush: true });
  await rename(fresh, path);
}
