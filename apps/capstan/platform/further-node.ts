// A further node of `--nodes N`: an agent in a process of its own, so that the loss of a node can be tried.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { aborted } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import { writeKubeconfig } from "@capstan/core/wire";
import { type NodeSettings, nodeAddress, openRuntime } from "./agent.ts";
import { nodeRequest } from "./certificates.ts";
import { codeDirectory } from "./code.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { Parts } from "./parts.ts";

/** What the agent's process reads: `agent.json` in the node's directory. Its kubeconfig and keys lie beside it. */
export interface AgentFile extends NodeSettings {
  dns?: string;
}

/** Files of a node's directory. */
export const agentFiles = {
  settings: "agent.json",
  kubeconfig: "kubeconfig",
  certificate: "node.crt",
  key: "node.key",
  ca: "ca.crt",
} as const;

/** Starts the agent's process; the part is ready when the agent is. A process that ends alone is told, not replaced. */
export async function startFurtherNode(
  settings: NodeSettings,
  plane: ControlPlane,
  dns: string | undefined,
  log: Logger,
  parts: Parts,
): Promise<void> {
  await writeFiles(settings, plane, dns);
  const child = spawn(
    process.execPath,
    [...process.execArgv, `${codeDirectory}apps/capstan/bin.js`, "node", settings.dataDir],
    {
      // A group of its own: Ctrl-C at the terminal is for the platform, which stops its agents in order.
      detached: true,
      // Nothing is written to its input: that ends when this process does, however it does.
      stdio: ["pipe", "pipe", "ignore"],
    },
  );
  const ended = once(child, "exit").then(() => {});
  parts.add({
    name: settings.name,
    ready: readyLine(child, settings.name),
    about: () => `process ${child.pid}`,
    problem: () => (child.exitCode === null && child.signalCode === null ? undefined : "its process has ended"),
    async start(signal) {
      await aborted(signal);
      if (child.kill("SIGTERM")) await ended;
      else await sweep(settings, plane, log);
      if (child.exitCode !== 0) await sweep(settings, plane, log);
    },
  });
}

async function writeFiles(settings: NodeSettings, { authority, url }: ControlPlane, dns: string | undefined) {
  const { name, dataDir, network } = settings;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const pair = await authority.obtain(name, nodeRequest(name, [nodeAddress(network)]));
  const file: AgentFile = { ...settings, ...(dns ? { dns } : {}) };
  const user = { name: `system:node:${name}`, ...pair };
  const save = (part: string, text: string) => writeFile(join(dataDir, part), text, { mode: 0o600 });
  await writeKubeconfig(join(dataDir, agentFiles.kubeconfig), {
    name: "capstan",
    server: url,
    ca: authority.cert,
    user,
  });
  await Promise.all([
    save(agentFiles.settings, JSON.stringify(file)),
    save(agentFiles.certificate, pair.cert),
    save(agentFiles.key, pair.key),
    save(agentFiles.ca, authority.cert),
  ]);
}

/** The agent's process writes one line when it is ready. */
async function readyLine(child: ChildProcess, name: string): Promise<void> {
  const first = await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), once(child, "exit")]);
  if (!Buffer.isBuffer(first[0])) throw new Error(`the agent of node ${name} ended with exit code ${first[0]}`);
}

/** Ends what a killed agent has left running. */
async function sweep(settings: NodeSettings, plane: ControlPlane, log: Logger): Promise<void> {
  const runtime = await openRuntime(settings, plane.handler, log);
  await runtime.start(AbortSignal.abort());
}
