import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Handler } from "@capstan/base/http";
import type { Material } from "../client/index.ts";
import { readKubeconfig } from "../client/index.ts";
import { createTransport, type Transport } from "./transport.ts";

/** A cluster that can be reached, and where objects without a namespace go. */
export interface RemoteCluster {
  transport: Transport;
  namespace: string;
  /** PEM: what the server is checked with, unless by the system's authorities. */
  ca?: string;
}

/** Reaches the cluster of a kubeconfig file. @param context default: the file's current one. */
export async function openKubeconfig(path: string, context?: string): Promise<RemoteCluster> {
  const [{ parse }, text] = await Promise.all([import("yaml"), readFile(path, "utf8")]);
  const access = readKubeconfig(parse(text), context);
  const read = async (material: Material | undefined) =>
    material && ("text" in material ? material.text : readFile(resolve(dirname(path), material.file), "utf8"));
  const [ca, cert, key] = await Promise.all([access.ca, access.certificate, access.key].map(read));
  const { token } = access;
  const transport = createTransport({
    server: access.server,
    ca,
    cert,
    key,
    serverName: access.tlsServerName,
    insecure: access.insecureSkipTlsVerify,
    token: token && ("text" in token ? token.text : followFile(resolve(dirname(path), token.file))),
  });
  return { transport, namespace: access.namespace, ...(ca ? { ca } : {}) };
}

export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT of the pod's environment. */
  host: string;
  port: string;
  /** Where the account's files are mounted. */
  directory?: string;
}

/** Reaches the cluster that this process is a pod of, as the pod's account. */
export async function openInCluster(options: InClusterOptions): Promise<RemoteCluster> {
  const { host, port, directory = "/var/run/secrets/kubernetes.io/serviceaccount" } = options;
  const [ca, namespace] = await Promise.all([
    readFile(join(directory, "ca.crt"), "utf8"),
    readFile(join(directory, "namespace"), "utf8"),
  ]);
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return {
    transport: createTransport({ server, ca, token: followFile(join(directory, "token")) }),
    namespace: namespace.trim(),
  };
}

/** Reads a token again whenever its file changed: the node's agent renews it there. */
function followFile(path: string): () => Promise<string> {
  let known: { changed: number; text: string } | undefined;
  return async () => {
    const { mtimeMs, ctimeMs } = await stat(path);
    const changed = Math.max(mtimeMs, ctimeMs);
    if (known?.changed !== changed) known = { changed, text: (await readFile(path, "utf8")).trim() };
    return known.text;
  };
}

/** The cluster of a kubeconfig file as a Handler. */
export async function loadKubeconfig(path: string, context?: string): Promise<Handler> {
  return (await openKubeconfig(path, context)).transport.handler;
}
