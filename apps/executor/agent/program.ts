// argoexec agent: what an agent's container knows of its workflow and its cluster.
import { createClient } from "@capstan/core/client";
import { openInCluster } from "@capstan/core/wire";
import { runAgent } from "./agent.ts";

export interface AgentProgram {
  env: Record<string, string | undefined>;
  print(text: string): void;
  signal: AbortSignal;
}

/** @throws Error naming what the environment does not say. */
export async function runAgentProgram({ env, print, signal }: AgentProgram): Promise<void> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443", ARGO_WORKFLOW_NAME: workflow } = env;
  if (!workflow) throw new Error("ARGO_WORKFLOW_NAME is not set: only the workflow operator makes such pods");
  if (!host) throw new Error("KUBERNETES_SERVICE_HOST is not set: this program runs in pods");
  const { transport, namespace } = await openInCluster({ host, port });
  try {
    const client = createClient(transport.handler, { userAgent: "argoexec" });
    await runAgent({ client, namespace, workflow, print, signal });
  } finally {
    transport.close();
  }
}
