// Services: user space against HAProxy and nginx in front of the same server, packet rules against no Service at all.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EndpointSlices, Services } from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { createServiceProxy } from "@capstan/cluster/proxy";
import { addressAt, canBridge, nftMissing, parseCidr } from "@capstan/core/runtime";
import { TestCluster } from "@capstan/testing/cluster";
import { TestNetwork } from "@capstan/testing/network";
import { programsMissing } from "@capstan/testing/programs";
import { type Figure, quantile } from "./report.ts";

const run = promisify(execFile);
const rounds = 3;
const seconds = 2;
const pings = { warm: 500, measured: 5000 };
const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";

export async function measureServices(): Promise<Figure[]> {
  const missing = programsMissing("iperf3", "haproxy", "nginx");
  if (missing) throw new Error(`bench services: ${missing}`);
  if (!existsSync(streamModule)) throw new Error("bench services: not installed: libnginx-mod-stream");
  const inKernel = canBridge() ? nftMissing() : "that needs root and the program ip";
  if (inKernel) throw new Error(`bench services: mode nftables: ${inKernel}`);
  return [...(await measureUserspace()), ...(await measureKernel())];
}

/** Gigabits in a second through an address, a stream each way in turn. */
async function throughput(host: string, port: number, more: string[] = []): Promise<number> {
  const args = ["-c", host, "-p", String(port), "-t", String(seconds), "-P", "2", "-J", ...more];
  return gigabits((await run("iperf3", args, { maxBuffer: 2 ** 24 })).stdout);
}

function gigabits(json: string): number {
  const { error, end } = JSON.parse(json) as { error?: string; end: { sum_received: { bits_per_second: number } } };
  if (error) throw new Error(`iperf3: ${error}`);
  return end.sum_received.bits_per_second / 1e9;
}

async function ping(host: string, port: number): Promise<number[]> {
  const script = new URL("./ping.ts", import.meta.url).pathname;
  const args = [script, host, port, pings.warm, pings.measured].map(String);
  return JSON.parse((await run(process.execPath, args, { maxBuffer: 2 ** 24 })).stdout) as number[];
}

async function measureUserspace(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-bench-"));
  const children: ChildProcess[] = [];
  const start = (program: string, ...args: string[]) => {
    const child = spawn(program, args, { stdio: "ignore" });
    children.push(child);
    return child;
  };
  const [stream, echo] = [await freePort(), await freePort()];
  start("iperf3", "-s", "-p", String(stream));
  const server = `require("node:net").createServer({ noDelay: true }, (socket) => socket.on("error", () => {}).pipe(socket)).listen(${echo}, "127.0.0.1")`;
  start(process.execPath, "-e", server);
  const ports = { haproxy: [await freePort(), await freePort()], nginx: [await freePort(), await freePort()] };
  const [haproxy, nginx] = [join(directory, "haproxy.cfg"), join(directory, "nginx.conf")];
  writeFileSync(haproxy, haproxyConfig(ports.haproxy, [stream, echo]));
  writeFileSync(nginx, nginxConfig(directory, ports.nginx, [stream, echo]));
  start("haproxy", "-f", haproxy);
  start("nginx", "-c", nginx);
  try {
    await using service = await startService(stream, echo);
    const targets = {
      direct: { host: "127.0.0.1", ports: [stream, echo] },
      haproxy: { host: "127.0.0.1", ports: ports.haproxy },
      nginx: { host: "127.0.0.1", ports: ports.nginx },
      capstan: service,
    };
    for (const { host, ports: both } of Object.values(targets)) for (const port of both) await listening(host, port);
    return await compare(targets);
  } finally {
    for (const child of children) {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    rmSync(directory, { recursive: true, force: true });
  }
}

type Target = { host: string; ports: number[] };

async function compare(targets: Record<"direct" | "haproxy" | "nginx" | "capstan", Target>): Promise<Figure[]> {
  const names = ["direct", "haproxy", "nginx", "capstan"] as const;
  const streams = { direct: [] as number[], haproxy: [] as number[], nginx: [] as number[], capstan: [] as number[] };
  const tails = { direct: [] as number[], haproxy: [] as number[], nginx: [] as number[], capstan: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const { host, ports } = targets[name];
      streams[name].push(await throughput(host, ports[0] ?? 0), await throughput(host, ports[0] ?? 0, ["-R"]));
      tails[name].push(quantile(await ping(host, ports[1] ?? 0), 0.99));
    }
  }
  const median = (samples: number[]) => quantile(samples, 0.5);
  const against = (name: "haproxy" | "nginx", label: string) => ({
    name: label,
    value: median(streams[name]),
    wanted: { least: 0.5 },
  });
  const added = (name: keyof typeof tails) => tails[name].map((tail) => tail - median(tails.direct));
  return [
    { name: "service, user space", unit: "Gbit/s", samples: streams.capstan, peer: against("haproxy", "HAProxy tcp") },
    { name: "service, user space", unit: "Gbit/s", samples: streams.capstan, peer: against("nginx", "nginx stream") },
    { name: "HAProxy tcp, p99 of a round trip added", unit: "ms", samples: added("haproxy") },
    { name: "nginx stream, p99 of a round trip added", unit: "ms", samples: added("nginx") },
    { name: "service, user space, p99 of a round trip added", unit: "ms", samples: added("capstan"), budget: 0.5 },
  ];
}

/** One Service in user space, with a port for each server. */
async function startService(stream: number, echo: number): Promise<Target & AsyncDisposable> {
  const cluster = await TestCluster.start({
    serviceCidr: "127.89.0.0/16",
    parts: ({ informers }) => createServiceProxy({ informers, nodeAddresses: ["127.0.0.1"], log: silent }),
  });
  const ports = [
    { name: "stream", port: 8001, protocol: "TCP" },
    { name: "echo", port: 8002, protocol: "TCP" },
  ];
  const metadata = { namespace: "default", name: "bench" };
  const made = await cluster.client.create(Services, { metadata, spec: { ports } });
  await cluster.client.create(EndpointSlices, {
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "bench" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"] }],
    ports: [
      { name: "stream", port: stream, protocol: "TCP" },
      { name: "echo", port: echo, protocol: "TCP" },
    ],
  });
  return {
    host: made.spec.clusterIP ?? "",
    ports: [8001, 8002],
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** Between two pods: straight, and by a Service's address. */
async function measureKernel(): Promise<Figure[]> {
  await using net = await TestNetwork.start(({ cluster, network }) => {
    const { podCidr, serviceCidr, bridge = "" } = network;
    const kernel = { podCidr, serviceCidr, table: `${bridge}_services` };
    const nodeAddresses = [addressAt(parseCidr(podCidr), 1)];
    return [createServiceProxy({ informers: cluster.informers, mode: "nftables", nodeAddresses, kernel, log: silent })];
  });
  const [server, client] = await Promise.all([net.pod("server", { tcp: [8080] }), net.pod("client")]);
  await server.run(["iperf3", "-s", "-D", "-p", "5201"]);
  const metadata = { namespace: "default", name: "bench" };
  const ports = [
    { name: "p", port: 5201, protocol: "TCP" },
    { name: "q", port: 8080, protocol: "TCP" },
  ];
  const { spec } = await net.cluster.client.create(Services, { metadata, spec: { ports } });
  await net.cluster.client.create(EndpointSlices, {
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "bench" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [server.ip] }],
    ports,
  });
  const address = spec.clusterIP ?? "";
  await net.eventually(
    () => client.ask(address, 8080),
    (answer) => answer.startsWith("server"),
  );
  const one = async (host: string) =>
    gigabits(await client.run(["iperf3", "-c", host, "-t", String(seconds), "-P", "2", "-J"]));
  const [straight, served]: number[][] = [[], []];
  for (let round = 0; round < 2 * rounds; round++) {
    straight?.push(await one(server.ip));
    served?.push(await one(address));
  }
  const peer = { name: "no Service", value: quantile(straight ?? [], 0.5), wanted: { least: 0.95 } };
  return [{ name: "service, nftables, pod to pod", unit: "Gbit/s", samples: served ?? [], peer }];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves when somebody answers at the address. */
async function listening(host: string, port: number): Promise<void> {
  const args = [
    "-e",
    `require("node:net").connect(${port}, "${host}").on("connect", () => process.exit(0)).on("error", () => process.exit(1))`,
  ];
  for (let attempt = 0; ; attempt++) {
    const child = spawn(process.execPath, args, { stdio: "ignore" });
    const [code] = (await once(child, "exit")) as [number];
    if (code === 0) return;
    if (attempt > 100) throw new Error(`bench services: nobody listens at ${host}:${port}`);
  }
}

const haproxyConfig = (own: number[], to: number[]) => `
global
  maxconn 1000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${own.map((port, index) => `listen l${index}\n  bind 127.0.0.1:${port}\n  server a 127.0.0.1:${to[index]}\n`).join("")}`;

const nginxConfig = (directory: string, own: number[], to: number[]) => `
load_module ${streamModule};
pid ${directory}/nginx.pid;
error_log ${directory}/nginx.log;
worker_processes auto;
daemon off;
events { worker_connections 1000; }
stream {
${own.map((port, index) => `  server { listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${to[index]}; }\n`).join("")}}
`;
