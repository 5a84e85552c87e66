// Many pods on one node: how long they take to start, and what they cost the agent while they do nothing.
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { Pods } from "@capstan/api/generated/resources";
import { createClient, waitFor } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { type Instance, startInstance } from "../platform/instance.ts";
import type { Figure } from "./report.ts";

export interface ScaleOptions {
  /** Pods that are started at once. */
  started: number;
  /** Pods that do nothing, those included. */
  idle: number;
  /** What makes their containers. */
  runtime: "unshare" | "runc";
}

const idleSeconds = 20;

/** In a whole Capstan: what its process takes is the agent's, the API server's and everything else's. */
export async function measureNodeScale({ started, idle, runtime }: ScaleOptions): Promise<Figure[]> {
  await using instance = startInstance({ args: ["--no-quickstart", "--runtime", runtime] });
  await instance.ready();
  await wait(3000);
  const alone = residentOf(instance);
  const seconds = await startPods(instance, 0, started);
  await startPods(instance, started, idle);
  await wait(3000);
  const before = ticksOf(instance);
  await wait(idleSeconds * 1000);
  const percent = (ticksOf(instance) - before) / idleSeconds;
  const megabytes = residentOf(instance) - alone;
  const name = (text: string) => `${text}, ${runtime}`;
  return [
    { name: name(`${started} pods created → Running`), unit: "s", samples: [seconds], budget: started * 0.075 },
    { name: name(`${idle} idle pods, memory of the process`), unit: "MB", samples: [megabytes], budget: 300 },
    { name: name(`${idle} idle pods, CPU of the process`), unit: "% of a core", samples: [percent], budget: 10 },
  ];
}

/** Seconds until all of them run. */
async function startPods(instance: Instance, from: number, to: number): Promise<number> {
  const { transport } = await openKubeconfig(instance.kubeconfig);
  const client = createClient(transport.handler);
  const begun = performance.now();
  const names = Array.from({ length: to - from }, (_, index) => `idle-${from + index}`);
  const spec = {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: "c", image: "capstan/host", command: ["sleep", "100000"] }],
  };
  await Promise.all(names.map((name) => client.create(Pods, { metadata: { namespace: "default", name }, spec })));
  const running = (name: string) =>
    waitFor(
      client,
      Pods,
      { namespace: "default", name },
      (pod) => pod.status?.phase === "Running",
      AbortSignal.timeout(600_000),
    );
  await Promise.all(names.map(running));
  transport.close();
  return (performance.now() - begun) / 1000;
}

/** Megabytes of the process itself: what runs in pods is theirs. */
function residentOf({ process: child }: Instance): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024;
}

/** Hundredths of a second. */
function ticksOf({ process: child }: Instance): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
