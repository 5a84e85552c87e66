// An agent that is a process: of a further node of this machine, or of one that has joined.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@capstan/core/client";
import type { KeyPair } from "@capstan/core/pki";
import { createInformers } from "@capstan/core/reconcile";
import { openKubeconfig } from "@capstan/core/wire";
import { openLogFile } from "../instance/log-file.ts";
import { nodeAddress, openAgent, openRuntime } from "./agent.ts";
import { type AgentFile, agentFiles } from "./further-node.ts";
import { createNodeRenewal, servingPair } from "./node-renewal.ts";

/** Runs the agent of a directory until the signal aborts; its pods end with it. @param ready called once it is. */
export async function runAgent(directory: string, signal: AbortSignal, ready: () => void): Promise<void> {
  const read = (name: string) => readFileSync(join(directory, name), "utf8");
  const { dns, ...settings } = JSON.parse(read(agentFiles.settings)) as AgentFile;
  const log = openLogFile(join(directory, "agent.log"), "info");
  const { transport } = await openKubeconfig(join(directory, agentFiles.kubeconfig));
  const client = createClient(transport.handler, { userAgent: "capstan-node" });
  const informers = createInformers(client, { log });
  const runtime = await openRuntime(settings, transport.handler, log);
  const present = { cert: read(agentFiles.certificate), key: read(agentFiles.key) };
  const joiner = { name: settings.name, address: nodeAddress(settings.network), signal };
  const pair = await servingPair(directory, present, client, joiner);
  let apply = (_: KeyPair): void => {};
  const onServing = (renew: typeof apply) => {
    apply = renew;
  };
  const access = { client, informers, pair, ca: read(agentFiles.ca), onServing };
  const agent = openAgent(settings, runtime, access, dns, log);
  const renewal = createNodeRenewal({
    directory,
    joiner,
    client,
    transport,
    serving: pair,
    apply: (fresh) => apply(fresh),
    log,
  });
  const stopRuntime = new AbortController();
  const running = Promise.all([runtime.start(stopRuntime.signal), informers.start(stopRuntime.signal)]);
  const agentRunning = Promise.all([agent.start(signal), renewal.start(signal)]);
  await Promise.race([agent.ready, running, agentRunning]);
  ready();
  await agentRunning;
  stopRuntime.abort();
  await running;
  transport.close();
}
