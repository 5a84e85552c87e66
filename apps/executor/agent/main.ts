// argoexec agent: a program of its own in a pod, which sees the network as the pod does.
import { createClient } from "@capstan/core/client";
import { openInCluster } from "@capstan/core/wire";
import { runAgent } from "./agent.ts";

const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "443", ARGO_WORKFLOW_NAME } = process.env;
if (!ARGO_WORKFLOW_NAME) throw new Error("ARGO_WORKFLOW_NAME is not set: only the workflow operator makes such pods");
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const { transport, namespace } = await openInCluster({ host, port });
try {
  const client = createClient(transport.handler, { userAgent: "argoexec" });
  const print = (text: string) => process.stdout.write(`${text}\n`);
  await runAgent({ client, namespace, workflow: ARGO_WORKFLOW_NAME, print, signal: stop.signal });
} finally {
  transport.close();
}
