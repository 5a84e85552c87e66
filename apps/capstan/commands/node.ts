import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@capstan/core/client";
import { createInformers } from "@capstan/core/reconcile";
import { openKubeconfig } from "@capstan/core/wire";
import { openLogFile } from "../instance/log-file.ts";
import { openAgent, openRuntime } from "../platform/agent.ts";
import { type AgentFile, agentFiles } from "../platform/further-node.ts";
import { parse } from "./usage.ts";

/** The agent of one further node: started by `capstan up --nodes N`, with the directory that it was given. */
export async function node(args: string[]): Promise<number> {
  const { positionals } = parse("node", args, {}, ["DIR"]);
  const directory = positionals[0] ?? "";
  const read = (name: string) => readFileSync(join(directory, name), "utf8");
  const { dns, ...settings } = JSON.parse(read(agentFiles.settings)) as AgentFile;
  const log = openLogFile(join(directory, "agent.log"), "info");
  const { transport } = await openKubeconfig(join(directory, agentFiles.kubeconfig));
  const client = createClient(transport.handler, { userAgent: "capstan-node" });
  const informers = createInformers(client, { log });
  const runtime = await openRuntime(settings, transport.handler, log);
  const pair = { cert: read(agentFiles.certificate), key: read(agentFiles.key) };
  const agent = openAgent(settings, runtime, { client, informers, pair, ca: read(agentFiles.ca) }, dns, log);

  const [stopAgent, stopRuntime] = [new AbortController(), new AbortController()];
  process.once("SIGTERM", () => stopAgent.abort());
  // The platform that started this process is gone: its pods go too.
  process.stdout.once("error", () => stopAgent.abort());
  const running = Promise.all([runtime.start(stopRuntime.signal), informers.start(stopRuntime.signal)]);
  const agentRunning = agent.start(stopAgent.signal);
  await Promise.race([agent.ready, running]);
  process.stdout.write("ready\n");
  await agentRunning;
  stopRuntime.abort();
  await running;
  transport.close();
  return 0;
}
