// The executor as a program in pods of any cluster: argoexec init | wait | resource | agent.
import { writeFileSync } from "node:fs";
import { artifactsPath } from "@capstan/api/kinds/workflow-pod";
import { messageOf } from "@capstan/base/errors";
import { openInCluster } from "@capstan/core/wire";
import { runAgentProgram } from "./agent/program.ts";
import { openPodContainer } from "./pod/index.ts";
import { runProgram } from "./program.ts";
import { readTemplate } from "./step.ts";

const ownFailure = 64;
/** Source: the kubelet's default of terminationMessagePath, and its limit. */
const terminationLog = { path: "/dev/termination-log", limit: 4096 };

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());
const print = (text: string) => void process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);

/** What serves one step's pod. */
async function serveStep(): Promise<number> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (!host || !port) throw new Error("KUBERNETES_SERVICE_HOST and _PORT are missing: this program runs in pods");
  const { transport, namespace } = await openInCluster({ host, port });
  const { env } = process;
  const options = { args: process.argv.slice(2), env, signal: stop.signal, print, namespace };
  using pod = await openPodContainer(options, readTemplate(env));
  using connected = transport;
  return await runProgram(pod.container, connected.handler, artifactsPath, true);
}

try {
  if (process.argv[2] === "agent") await runAgentProgram({ env: process.env, print, signal: stop.signal });
  else process.exitCode = await serveStep();
} catch (error) {
  const message = messageOf(error);
  print(message);
  writeFileSync(terminationLog.path, message.slice(0, terminationLog.limit));
  process.exitCode = ownFailure;
}
