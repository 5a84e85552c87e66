import { readFileSync, statfsSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import type { ContainerStats, NetworkCounters } from "@capstan/core/runtime";
import { type ContainerReadings, type PodReadings, readPods } from "./readings.ts";
import type { NodeServerOptions } from "./server.ts";

/** The kubelet's Summary: what `kubectl top` and the console read. Source: k8s.io/kubelet stats/v1alpha1. */
export async function statsSummary(options: NodeServerOptions): Promise<unknown> {
  const time = new Date().toISOString();
  const pods = (await readPods(options)).map((readings) => podStats(readings, time));
  const used = totalmem() - freemem();
  const disk = statfsSync(options.dataDir);
  const fs = {
    time,
    availableBytes: disk.bavail * disk.bsize,
    capacityBytes: disk.blocks * disk.bsize,
    usedBytes: (disk.blocks - disk.bfree) * disk.bsize,
    inodesFree: disk.ffree,
    inodes: disk.files,
    inodesUsed: disk.files - disk.ffree,
  };
  const node = {
    nodeName: options.nodeName,
    cpu: { time, usageCoreNanoSeconds: cpuTime() },
    memory: { time, availableBytes: freemem(), usageBytes: used, workingSetBytes: used },
    fs,
    runtime: { imageFs: fs },
  };
  return { node, pods };
}

function podStats({ pod, containers, network, disk }: PodReadings, time: string) {
  const { name, namespace, uid } = pod.metadata;
  const sum = (read: (stats: ContainerStats) => number | undefined) =>
    containers.reduce((total, { stats }) => total + (read(stats) ?? 0), 0);
  const volume = [...disk.volumes].map(([volume, usedBytes]) => ({
    time: disk.time.toISOString(),
    name: volume,
    usedBytes,
  }));
  const files = [...disk.volumes.values(), ...disk.logs.values()].reduce((total, bytes) => total + bytes, 0);
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime,
    containers: containers.map((container) => containerStats(container, disk.logs)),
    cpu: { time, usageCoreNanoSeconds: sum(({ cpuNanoseconds }) => cpuNanoseconds) },
    memory: {
      time,
      usageBytes: sum(({ memoryUsageBytes }) => memoryUsageBytes),
      workingSetBytes: sum(({ memoryWorkingSetBytes }) => memoryWorkingSetBytes),
    },
    ...networkStats(network, time),
    volume,
    "ephemeral-storage": { time, usedBytes: files + sum(({ writableLayerBytes }) => writableLayerBytes) },
    process_stats: { process_count: sum(({ processes }) => processes) },
  };
}

function containerStats({ run, stats }: ContainerReadings, logs: Map<string, number>) {
  const time = stats.time.toISOString();
  const logBytes = logs.get(run.config.name);
  return {
    name: run.config.name,
    startTime: run.startedAt,
    cpu: { time, usageCoreNanoSeconds: stats.cpuNanoseconds ?? 0 },
    memory: { time, usageBytes: stats.memoryUsageBytes ?? 0, workingSetBytes: stats.memoryWorkingSetBytes ?? 0 },
    ...(stats.writableLayerBytes === undefined ? {} : { rootfs: { time, usedBytes: stats.writableLayerBytes } }),
    ...(logBytes === undefined ? {} : { logs: { time, usedBytes: logBytes } }),
  };
}

/** The first interface stands for the pod, and is listed with the others. */
function networkStats(network: NetworkCounters[], time: string) {
  const interfaces = network.map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => {
    return { name, rxBytes, rxErrors, txBytes, txErrors };
  });
  return interfaces.length === 0 ? {} : { network: { time, ...interfaces[0], interfaces } };
}

// Jiffies of /proc/stat are hundredths of a second on every Linux of today: USER_HZ.
const jiffy = 10_000_000;

/** Nanoseconds in which the node's processors were busy since it started. */
export function cpuTime(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + soft) * jiffy;
}
