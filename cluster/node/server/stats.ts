import { readFileSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import type { ContainerStats } from "@capstan/core/runtime";
import type { NodeServerOptions } from "./server.ts";

/** The kubelet's Summary: what `kubectl top` and the console read. Source: k8s.io/kubelet stats/v1alpha1. */
export async function statsSummary({ runtime, manager, nodeName }: NodeServerOptions): Promise<unknown> {
  const time = new Date().toISOString();
  const pods = await Promise.all(
    manager.workers().map(async (worker) => {
      const { name, namespace, uid } = worker.pod.metadata;
      const running = (await worker.views()).flatMap(({ runs }) => runs.filter(({ state }) => state === "running"));
      const containers = await Promise.all(
        running.map(async (run) => ({
          name: run.config.name,
          startTime: run.startedAt,
          ...usage(await runtime.containerStats(run.id)),
        })),
      );
      return { podRef: { name, namespace, uid }, startTime: worker.pod.status?.startTime, containers };
    }),
  );
  const used = totalmem() - freemem();
  const node = {
    nodeName,
    cpu: { time, usageCoreNanoSeconds: cpuTime() },
    memory: { time, availableBytes: freemem(), usageBytes: used, workingSetBytes: used },
  };
  return { node, pods };
}

function usage({ time, cpuNanoseconds, memoryUsageBytes, memoryWorkingSetBytes }: ContainerStats) {
  return {
    cpu: { time, usageCoreNanoSeconds: cpuNanoseconds ?? 0 },
    memory: { time, usageBytes: memoryUsageBytes ?? 0, workingSetBytes: memoryWorkingSetBytes ?? 0 },
  };
}

// Jiffies of /proc/stat are hundredths of a second on every Linux of today: USER_HZ.
const jiffy = 10_000_000;

/** Nanoseconds in which the node's processors were busy since it started. */
function cpuTime(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + soft) * jiffy;
}
