import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join as joinPath, resolve } from "node:path";
import { defaultNodeName } from "@capstan/cluster/node";
import { createClient } from "@capstan/core/client";
import { writeSecret } from "@capstan/core/pki";
import { allocateInstanceNetwork, canBridge } from "@capstan/core/runtime";
import { openKubeconfig, writeKubeconfig } from "@capstan/core/wire";
import { nodeAddress } from "../platform/agent.ts";
import { runAgent } from "../platform/agent-process.ts";
import { type AgentFile, agentFiles } from "../platform/further-node.ts";
import { type Invitation, joinCluster, settleNode } from "../platform/joining.ts";
import { parse, UsageError } from "./usage.ts";

const flags = {
  server: { type: "string" },
  token: { type: "string" },
  "token-file": { type: "string" },
  ca: { type: "string" },
  name: { type: "string" },
  dir: { type: "string" },
} as const;

const nodeName = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/;

/** Makes this process a node of a cluster: certificates by a token, then the agent until Ctrl-C. */
export async function join(args: string[]): Promise<number> {
  const { values } = parse("join", args, flags);
  const { server, ca, dir, name = defaultNodeName() } = values;
  if (!dir) throw new UsageError("join", "--dir DIR is missing: where the node keeps its certificates and pods");
  if (!nodeName.test(name)) throw new UsageError("join", `--name takes a node's name, not "${name}"`);
  const directory = resolve(dir);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const say = (line: string) => process.stdout.write(`${line}\n`);
  if (existsSync(joinPath(directory, agentFiles.settings))) say(`${directory} has joined before`);
  else {
    const invitation = (): Invitation => {
      if (!server || !ca) throw new UsageError("join", "--server URL and --ca FILE are missing: the cluster to join");
      return { server, ca: readFileSync(ca, "utf8"), token: tokenOf(values) };
    };
    await prepare({ invitation, name, directory }, stop.signal, say);
  }
  await runAgent(directory, stop.signal, () => say("the node is ready; Ctrl-C ends its pods and stops it"));
  return 0;
}

/** From a file where it is secret, or the command line where everybody on the machine can read it. */
function tokenOf(values: { token?: string | undefined; "token-file"?: string | undefined }): string {
  const { token, "token-file": file } = values;
  const text = file === undefined ? token : readFileSync(file, "utf8").trim();
  if (text === undefined) throw new UsageError("join", "--token TOKEN or --token-file FILE is missing");
  if (!/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(text))
    throw new UsageError("join", "a token looks like abcdef.0123456789abcdef");
  return text;
}

interface Plan {
  /** Asked for unless the machine is known to the cluster already. */
  invitation(): Invitation;
  name: string;
  directory: string;
}

/**
 * Asks for the certificates and writes all that the agent reads; the settings last, as they say that all is there. A
 * token is good for one certificate, so that is kept at once: who was interrupted goes on from there.
 */
async function prepare(plan: Plan, signal: AbortSignal, say: (line: string) => void): Promise<void> {
  const { name, directory } = plan;
  const kubeconfig = joinPath(directory, agentFiles.kubeconfig);
  const isKnown = existsSync(kubeconfig);
  const invitation = isKnown ? undefined : plan.invitation();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const network = allocateInstanceNetwork(directory, { bridged: canBridge() });
  const joiner = { name, address: nodeAddress(network), signal, say };
  if (invitation) {
    const pair = await joinCluster(invitation, joiner);
    const user = { name: `system:node:${name}`, ...pair };
    await writeKubeconfig(kubeconfig, { name: "capstan", server: invitation.server, ca: invitation.ca, user });
  }
  say(`the cluster knows this machine as node ${name}`);
  const { transport, ca = "" } = await openKubeconfig(kubeconfig);
  using _ = transport;
  const { serving, dns } = await settleNode(createClient(transport.handler, { userAgent: "capstan-node" }), joiner);
  const settings: AgentFile = {
    name,
    index: 0,
    root: directory,
    dataDir: directory,
    network,
    runtime: "auto",
    imageMap: [],
    registries: {},
    artifacts: joinPath(directory, "artifacts"),
    dns,
  };
  const save = (file: string, text: string) => writeFile(joinPath(directory, file), text, { mode: 0o600 });
  await Promise.all([
    save(agentFiles.certificate, serving.cert),
    save(agentFiles.key, serving.key),
    save(agentFiles.ca, ca),
  ]);
  await writeSecret(joinPath(directory, agentFiles.settings), JSON.stringify(settings));
}
