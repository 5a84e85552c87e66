// The kubelet's metrics of its pods: /metrics, /metrics/resource, /metrics/cadvisor and /metrics/probes, under the names
// that dashboards know. Source: k8s.io/kubernetes pkg/kubelet/metrics and pkg/kubelet/metrics/collectors.
import { availableParallelism, freemem, totalmem } from "node:os";
import { Exposition, type Labels } from "./exposition.ts";
import { type ContainerReadings, type PodReadings, readPods } from "./readings.ts";
import type { NodeServerOptions } from "./server.ts";
import { cpuTime } from "./stats.ts";

/** Undefined for a path that has no metrics. */
export async function metrics(path: string, options: NodeServerOptions): Promise<string | undefined> {
  if (path === "") return agentMetrics(options);
  if (path === "probes") return probeMetrics(options);
  if (path === "resource") return resourceMetrics(await readPods(options));
  if (path === "cadvisor") return containerMetrics(await readPods(options));
  return undefined;
}

const seconds = (nanoseconds: number | undefined) => (nanoseconds === undefined ? undefined : nanoseconds / 1e9);

function agentMetrics({ manager, runtime, nodeName }: NodeServerOptions): string {
  const out = new Exposition();
  out.gauge("kubelet_node_name", "The node's name. The count is always 1.", { node: nodeName }, 1);
  const running = manager.workers().filter(({ sandbox }) => sandbox?.state === "ready").length;
  out.gauge("kubelet_running_pods", "Number of pods that have a running pod sandbox", {}, running);
  const states = { created: 0, running: 0, exited: 0 };
  for (const { state } of runtime.listContainers()) states[state]++;
  for (const [state, count] of Object.entries(states)) {
    out.gauge("kubelet_running_containers", "Number of containers by state", { container_state: state }, count);
  }
  const { user, system } = process.cpuUsage();
  out.counter("process_cpu_seconds_total", "Processor time of the process.", {}, (user + system) / 1e6);
  out.gauge("process_resident_memory_bytes", "Resident memory of the process.", {}, process.memoryUsage.rss());
  const started = Date.now() / 1000 - process.uptime();
  out.gauge("process_start_time_seconds", "Start time of the process since unix epoch.", {}, started);
  return out.text();
}

function probeMetrics({ probes }: NodeServerOptions): string {
  const out = new Exposition();
  const help = "Cumulative number of a liveness, readiness or startup probe for a container by result.";
  for (const { labels, value } of probes.list()) out.counter("prober_probe_total", help, { ...labels }, value);
  return out.text();
}

const podLabels = ({ pod }: PodReadings): Labels => ({
  namespace: pod.metadata.namespace ?? "",
  pod: pod.metadata.name,
});

function resourceMetrics(pods: PodReadings[]): string {
  const out = new Exposition();
  const cpu = "Cumulative cpu time consumed by the";
  const memory = "Current working set in bytes of the";
  for (const reading of pods) {
    const total = { cpu: 0, memory: 0, known: false };
    for (const { run, stats } of reading.containers) {
      const labels = { container: run.config.name, ...podLabels(reading) };
      const { time, cpuNanoseconds, memoryWorkingSetBytes } = stats;
      out.counter(
        "container_cpu_usage_seconds_total",
        `${cpu} container in core-seconds`,
        labels,
        seconds(cpuNanoseconds),
        time,
      );
      out.gauge("container_memory_working_set_bytes", `${memory} container`, labels, memoryWorkingSetBytes, time);
      const started = run.startedAt && run.startedAt.getTime() / 1000;
      out.gauge(
        "container_start_time_seconds",
        "Start time of the container since unix epoch in seconds",
        labels,
        started,
        time,
      );
      total.cpu += cpuNanoseconds ?? 0;
      total.memory += memoryWorkingSetBytes ?? 0;
      total.known ||= cpuNanoseconds !== undefined;
    }
    if (!total.known) continue;
    out.counter("pod_cpu_usage_seconds_total", `${cpu} pod in core-seconds`, podLabels(reading), seconds(total.cpu));
    out.gauge("pod_memory_working_set_bytes", `${memory} pod`, podLabels(reading), total.memory);
  }
  out.counter("node_cpu_usage_seconds_total", `${cpu} node in core-seconds`, {}, seconds(cpuTime()));
  out.gauge("node_memory_working_set_bytes", `${memory} node`, {}, totalmem() - freemem());
  out.gauge("resource_scrape_error", "1 if there was an error while getting container metrics, 0 otherwise", {}, 0);
  return out.text();
}

function containerMetrics(pods: PodReadings[]): string {
  const out = new Exposition();
  out.gauge("machine_cpu_cores", "Number of logical CPU cores.", {}, availableParallelism());
  out.gauge("machine_memory_bytes", "Amount of memory installed on the machine.", {}, totalmem());
  for (const reading of pods) {
    for (const container of reading.containers) addContainer(out, reading, container);
    addNetwork(out, reading);
  }
  return out.text();
}

function addContainer(out: Exposition, reading: PodReadings, { run, stats }: ContainerReadings): void {
  const { config, id } = run;
  const labels = { container: config.name, id: `/${id}`, image: config.image, name: id, ...podLabels(reading) };
  const { time } = stats;
  const gauge = (name: string, help: string, value: number | undefined) => out.gauge(name, help, labels, value, time);
  out.counter(
    "container_cpu_usage_seconds_total",
    "Cumulative cpu time consumed in seconds.",
    { ...labels, cpu: "total" },
    seconds(stats.cpuNanoseconds),
    time,
  );
  gauge("container_memory_usage_bytes", "Current memory usage in bytes.", stats.memoryUsageBytes);
  gauge("container_memory_working_set_bytes", "Current working set in bytes.", stats.memoryWorkingSetBytes);
  gauge("container_processes", "Number of processes running inside the container.", stats.processes);
  gauge("container_fs_usage_bytes", "Number of bytes that the container has written.", stats.writableLayerBytes);
  const started = run.startedAt && run.startedAt.getTime() / 1000;
  gauge("container_start_time_seconds", "Start time of the container since unix epoch in seconds.", started);
  gauge("container_last_seen", "Last time a container was seen by the exporter.", Math.floor(time.getTime() / 1000));
  const { cpuShares, cpuLimit, memoryLimit } = config.resources ?? {};
  gauge("container_spec_cpu_shares", "CPU share of the container.", cpuShares);
  // The period that limits are set with.
  const period = 100_000;
  gauge("container_spec_cpu_period", "CPU period of the container.", period);
  gauge("container_spec_cpu_quota", "CPU quota of the container.", cpuLimit && Math.round(cpuLimit * period));
  gauge("container_spec_memory_limit_bytes", "Memory limit for the container.", memoryLimit ?? 0);
}

function addNetwork(out: Exposition, reading: PodReadings): void {
  for (const { name, ...counters } of reading.network) {
    const labels = { interface: name, ...podLabels(reading) };
    const add = (direction: string, what: string, value: number) =>
      out.counter(
        `container_network_${direction}_${what}_total`,
        `Cumulative count of ${what.replace("_", " ")} in direction ${direction}.`,
        labels,
        value,
      );
    add("receive", "bytes", counters.rxBytes);
    add("receive", "packets", counters.rxPackets);
    add("receive", "errors", counters.rxErrors);
    add("receive", "packets_dropped", counters.rxDropped);
    add("transmit", "bytes", counters.txBytes);
    add("transmit", "packets", counters.txPackets);
    add("transmit", "errors", counters.txErrors);
    add("transmit", "packets_dropped", counters.txDropped);
  }
}
