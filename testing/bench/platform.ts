// Start, idle memory and idle CPU of the whole platform; a pod's way to Running; the first start to a prediction.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { Pods } from "@capstan/api/generated/resources";
import { createClient, waitFor } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { type Instance, startInstance, untilOutput } from "../platform/instance.ts";
import type { Figure } from "./report.ts";

const runs = 5;
const idleSeconds = 20;

export async function measurePlatform(): Promise<Figure[]> {
  const cold: number[] = [];
  const warm: number[] = [];
  for (let run = 0; run < runs; run++) {
    const first = await timeStart();
    cold.push(first.seconds);
    await first.instance.stop();
    const second = await timeStart(first.instance.directory);
    warm.push(second.seconds);
    await second.instance[Symbol.asyncDispose]();
  }
  await using quick = startInstance({ args: [] });
  const started = performance.now();
  await untilOutput(quick.process, quick.output, /curl /);
  const prediction = (performance.now() - started) / 1000;
  await wait(3000);
  const idle = await measureIdle(quick);
  return [
    { name: "capstan up, empty directory → all ready", unit: "s", samples: cold, budget: 2 },
    { name: "capstan up, used directory → all ready", unit: "s", samples: warm, budget: 2 },
    { name: "first start → prediction", unit: "s", samples: [prediction], budget: 20 },
    { name: "idle RSS, quickstart's model served", unit: "MB", samples: [idle.megabytes], budget: 300 },
    { name: "idle CPU", unit: "% of a core", samples: [idle.percent], budget: 2 },
    { name: "pod create → Running", unit: "ms", samples: await measurePods(quick), budget: 150 },
  ];
}

async function timeStart(directory?: string): Promise<{ instance: Instance; seconds: number }> {
  const started = performance.now();
  const instance = startInstance({ ...(directory ? { directory } : {}), keep: directory === undefined });
  await instance.ready();
  return { instance, seconds: (performance.now() - started) / 1000 };
}

/** The process, its descendants and everything in its pods. */
async function measureIdle({ process: child }: Instance): Promise<{ megabytes: number; percent: number }> {
  const pids = descendants(child.pid ?? 0);
  const before = pids.reduce((sum, pid) => sum + ticksOf(pid), 0);
  await wait(idleSeconds * 1000);
  const ticks = pids.reduce((sum, pid) => sum + ticksOf(pid), 0) - before;
  const megabytes = pids.reduce((sum, pid) => sum + residentOf(pid), 0);
  return { megabytes, percent: ticks / idleSeconds };
}

function descendants(pid: number): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  const parents = rows.map((row) => row.trim().split(/\s+/).map(Number) as [number, number]);
  const found = [pid];
  for (const parent of found) for (const [child, of] of parents) if (of === parent) found.push(child);
  return found;
}

/** Clock ticks (1/100 s) of CPU used: proc(5), fields 14 and 15. */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function residentOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

async function measurePods(instance: Instance): Promise<number[]> {
  const { transport } = await openKubeconfig(instance.kubeconfig);
  const client = createClient(transport.handler);
  const samples: number[] = [];
  for (let index = 0; index < 20; index++) {
    const ref = { namespace: "default", name: `bench-${index}` };
    const spec = {
      containers: [{ name: "main", image: "capstan/host", command: ["sleep", "60"] }],
      terminationGracePeriodSeconds: 0,
    };
    const started = performance.now();
    const running = waitFor(client, Pods, ref, (pod) => pod.status?.phase === "Running", AbortSignal.timeout(30_000));
    await client.create(Pods, { metadata: ref, spec });
    await running;
    samples.push(performance.now() - started);
    await client.delete(Pods, ref);
  }
  return samples;
}
