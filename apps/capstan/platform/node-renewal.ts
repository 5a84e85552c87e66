// The certificates of a node that is a process of its own: it asks for new ones in its own name before they end.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@capstan/base/log";
import { type Client, readKubeconfig } from "@capstan/core/client";
import { createRenewal, type KeyPair, type Renewable, writePair } from "@capstan/core/pki";
import { type Transport, writeKubeconfig } from "@capstan/core/wire";
import { parse } from "yaml";
import { nodeRequest } from "./certificates.ts";
import { agentFiles } from "./further-node.ts";
import { askAsNode, type Joiner } from "./joining.ts";

export interface NodeRenewalOptions {
  /** The node's: its files are written anew. */
  directory: string;
  joiner: Joiner;
  client: Client;
  transport: Pick<Transport, "setTls">;
  /** What the node serves with, and how it takes another. */
  serving: KeyPair;
  apply(pair: KeyPair): void;
  log: Logger;
  clock?: () => number;
}

/** start resolves when the signal aborted. */
export function createNodeRenewal(options: NodeRenewalOptions) {
  const { directory, joiner, client, transport, serving, log, clock } = options;
  const file = join(directory, agentFiles.kubeconfig);
  const { server, certificate, key } = readKubeconfig(parse(readFileSync(file, "utf8")));
  const ca = readFileSync(join(directory, agentFiles.ca), "utf8");
  const textOf = (material: typeof certificate) => (material && "text" in material ? material.text : "");
  const user = `system:node:${joiner.name}`;
  const request = nodeRequest(joiner.name, []);
  const own: Renewable = {
    name: "client",
    request,
    pair: { cert: textOf(certificate), key: textOf(key) },
    async apply(pair) {
      await writeKubeconfig(file, { name: "capstan", server, ca, user: { name: user, ...pair } });
      transport.setTls(pair);
    },
  };
  const served: Renewable = {
    name: "serving",
    request,
    pair: serving,
    async apply(pair) {
      await writePair(directory, "node", pair);
      options.apply(pair);
    },
  };
  const authority = { obtain: (name: string) => askAsNode(client, name === "client" ? "client" : "serving", joiner) };
  return createRenewal({ authority, certificates: [own, served], log, ...(clock ? { clock } : {}) });
}

/** The pair the node serves with; a new one when a kill came between the writing of its two files, or it has ended. */
export async function servingPair(directory: string, pair: KeyPair, client: Client, joiner: Joiner): Promise<KeyPair> {
  const certificate = new X509Certificate(pair.cert);
  if (certificate.checkPrivateKey(createPrivateKey(pair.key)) && certificate.validToDate.getTime() > Date.now()) {
    return pair;
  }
  const fresh = await askAsNode(client, "serving", joiner);
  await writePair(directory, "node", fresh);
  return fresh;
}
